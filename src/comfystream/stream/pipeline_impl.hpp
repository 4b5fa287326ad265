// SPDX-License-Identifier: Apache-2.0
// The pipeline's insides; included by its sources only.
#pragma once

#include "comfystream/core/bounded_queue.hpp"
#include "comfystream/stream/batch.hpp"
#include "comfystream/stream/batch_collector.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace comfystream::stream {

/// A plan in use, with its batches.
struct ActivePlan {
  /// Throws Error(kInvalidArgument) when the plan has no slot.
  explicit ActivePlan(PreparedPlan prepared);

  PreparedPlan prepared;
  std::vector<std::unique_ptr<Batch>> batches;
  BoundedQueue<Batch*> free;
  int in_flight = 0;
};

/// One mutex guards everything but the pixels: what is held under it are moves of handles, never copies of pictures.
///
/// A batch goes: feed() fills it with frames (locked), writes rows and starts it (unlocked), and passes it on in
/// `running_`; finish() waits for it and copies the results (unlocked), then hands them to the streams (locked).
class Pipeline::Impl {
 public:
  Impl(PreparedPlan plan, PipelineOptions options);
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void open_stream(std::uint32_t stream_id, const StreamOptions& options);
  void close_stream(std::uint32_t stream_id);
  SubmitStatus submit(Frame&& frame, bool may_wait);
  void end_stream(std::uint32_t stream_id);
  std::size_t flush(std::uint32_t stream_id);
  WaitStatus wait(std::uint32_t stream_id, FrameResult& result, Duration timeout);
  void set_plan(PreparedPlan plan);
  [[nodiscard]] PrepareOptions prepare_options() const;
  [[nodiscard]] PictureSpec input() const;
  [[nodiscard]] PictureSpec output() const;
  void stop();
  [[nodiscard]] PipelineStats stats() const;
  [[nodiscard]] bool idle() const;
  [[nodiscard]] std::optional<StreamQueues> queues(std::uint32_t stream_id) const;

 private:
  struct InFlight {
    ActivePlan* plan = nullptr;
    Batch* batch = nullptr;
  };

  void feed();
  void finish();
  void fill(Batch& batch, int frames);
  void deliver(InFlight done);
  [[nodiscard]] bool may_start() const;
  [[nodiscard]] int max_batch() const;
  [[nodiscard]] std::shared_ptr<OpenStream> find(std::uint32_t stream_id) const;
  void record_exit(OpenStream& stream, const TensorCache::Exit& exit);
  [[nodiscard]] std::size_t picture_count(const ActivePlan& plan) const;
  void wake_feeder();

  const PipelineOptions options_;
  const std::shared_ptr<Clock> clock_;

  mutable std::mutex mutex_;
  std::condition_variable work_;     ///< the feeder waits here
  std::condition_variable started_;  ///< the finisher waits here
  std::condition_variable idle_;     ///< those who wait for batches to finish
  bool wake_ = false;                ///< something happened since the feeder last looked
  bool stopping_ = false;
  bool feeder_done_ = false;
  int device_batches_ = 0;  ///< taken, and not yet finished by the device
  int in_flight_ = 0;       ///< taken, and not yet delivered
  std::vector<std::shared_ptr<OpenStream>> streams_;
  BatchCollector collector_;
  std::unique_ptr<ActivePlan> plan_;
  BoundedQueue<InFlight> running_;
  Metrics metrics_;
  Flow closed_;  ///< of the streams that were closed
  std::uint64_t plan_swaps_ = 0;

  std::mutex stop_mutex_;
  std::thread feeder_;
  std::thread finisher_;
};

}  // namespace comfystream::stream
