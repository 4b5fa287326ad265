// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/bounded_queue.hpp"
#include "comfystream/frame.hpp"
#include "comfystream/stream/stream_options.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace comfystream::stream {

/// A stream's bounded input and output queues, held as one ring of records in the order in which frames entered. A
/// record is made when its frame enters and goes when its result is taken, so that every frame leaves exactly once and
/// in order, whatever happened to it. Has no lock: the owner guards it. Allocates in the constructor and in
/// set_largest_batch only.
class TensorCache {
 public:
  /// Capacities below 2 (other than 0) throw Error(kInvalidArgument).
  TensorCache(std::uint32_t stream_id, const StreamOptions& options, int largest_batch);

  [[nodiscard]] std::uint32_t stream_id() const noexcept { return stream_id_; }
  [[nodiscard]] const StreamOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t input_capacity() const noexcept { return input_capacity_; }
  [[nodiscard]] std::size_t output_capacity() const noexcept { return output_capacity_; }
  /// Default capacities follow a larger plan; they never shrink.
  void set_largest_batch(int largest_batch);

  // --- the sender's side ---

  struct Pushed {
    SubmitStatus status;
    Picture evicted;  ///< to be destroyed when no lock is held
  };
  /// Whether a frame may come in without the policy being asked.
  [[nodiscard]] bool has_room() const noexcept { return waiting_ < input_capacity_ && !records_.full(); }
  /// Takes the frame in; one that does not enter is left as it was. A full queue of policy kBlock refuses. A frame
  /// without an arrival time gets `now`.
  Pushed push(Frame&& frame, TimePoint now);
  /// No more frames come. What waits runs without waiting for company.
  void end() noexcept { ended_ = true; }
  /// What waits leaves as flushed; what runs is not touched. Returns the number of frames.
  std::size_t flush(TimePoint now);

  // --- the collector's side ---

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  /// Finished pictures that nobody has taken.
  [[nodiscard]] std::size_t pictures() const noexcept { return pictures_; }
  /// Waiting frames that may run now: all of them, or as many as the output queue has room for where it holds back
  /// (every policy but kDropOldest).
  [[nodiscard]] std::size_t ready() const noexcept;
  /// The input queue is full, and more room in the output queue would not make a larger batch.
  [[nodiscard]] bool saturated() const noexcept { return waiting_ >= input_capacity_ && settled(); }
  /// Nothing more can join what is ready: the stream has ended and its output queue is not what limits it.
  [[nodiscard]] bool complete() const noexcept { return ended_ && settled(); }
  /// When what is ready must run although the batch is not full; TimePoint::max() for never.
  [[nodiscard]] TimePoint deadline() const noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  struct Taken {
    std::uint64_t ticket = 0;
    Frame frame;
    Duration waited{0};
  };
  /// The next frame to run. Precondition: ready() > 0.
  [[nodiscard]] Taken take(TimePoint now) noexcept;
  /// The outcome of a frame that was taken, with the picture that leaves, if any. Where the output queue is full
  /// (kDropOldest) the oldest result in it gives up its picture, which is returned.
  [[nodiscard]] Picture finish(std::uint64_t ticket, FrameOutcome outcome, Frame&& frame, std::string&& reason,
                               TimePoint now) noexcept;

  // --- the receiver's side ---

  struct Exit {
    FrameResult result;
    Duration output_wait{0};
  };
  /// The next result, if it is there.
  [[nodiscard]] std::optional<Exit> pop(TimePoint now);
  /// Whether pop() would give a result.
  [[nodiscard]] bool has_result() const noexcept;
  /// The stream has ended and every result has been taken.
  [[nodiscard]] bool drained() const noexcept { return ended_ && records_.empty(); }
  [[nodiscard]] const StreamCounters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { kWaiting, kRunning, kFinished };
  struct Record {
    State state = State::kWaiting;
    bool holds_picture = false;  ///< finished, and counted in the output queue
    TimePoint since{};           ///< entered, later finished
    FrameResult result;
  };

  [[nodiscard]] Record& record(std::uint64_t ticket) noexcept {
    return records_[static_cast<std::size_t>(ticket - first_)];
  }
  [[nodiscard]] bool settled() const noexcept;
  void measure_interval(TimePoint arrival) noexcept;
  Picture drop_oldest_waiting(TimePoint now) noexcept;
  Picture drop_oldest_output() noexcept;
  void skip_to_waiting() noexcept;
  void count(FrameOutcome outcome) noexcept;

  std::uint32_t stream_id_;
  StreamOptions options_;
  std::size_t input_capacity_ = 0;
  std::size_t output_capacity_ = 0;
  std::size_t largest_batch_ = 1;
  BoundedQueue<Record> records_{0};
  std::uint64_t first_ = 0;         ///< ticket of the record at the front
  std::uint64_t next_waiting_ = 0;  ///< no record before this ticket waits
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::size_t pictures_ = 0;  ///< finished records that hold a picture
  bool ended_ = false;
  StreamCounters counters_;
  TimePoint last_arrival_{};
  Duration interval_{0};
};

}  // namespace comfystream::stream
