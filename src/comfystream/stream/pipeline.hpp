// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"
#include "comfystream/frame.hpp"
#include "comfystream/stream/batch_plan.hpp"
#include "comfystream/stream/metrics.hpp"
#include "comfystream/stream/prepared_plan.hpp"
#include "comfystream/stream/stream_options.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace comfystream::stream {

/// What leaves when processing a frame failed.
enum class OnError : std::uint8_t {
  kFail,         ///< a failed result without a picture
  kPassthrough,  ///< the input picture as it came in (its own format and size), counted
};

struct PipelineOptions {
  int slots = 2;      ///< batches in flight: one runs while the next is being written
  int max_batch = 0;  ///< frames in a batch at most, 0: the plan's largest
  OnError on_error = OnError::kFail;
  std::optional<PixelFormat> output_format{};  ///< of the pictures that leave; the plan's own when not given
  std::shared_ptr<Clock> clock{};              ///< SteadyClock when not given
  /// Called on a thread of the pipeline after each batch. It must not throw, block, or call the pipeline.
  std::function<void(const BatchRecord&)> on_batch{};
  /// Called on the same thread for each tap of each frame that is done, in a stream's order, before its result can be
  /// taken. It must not throw or call the pipeline; batches wait while it lasts.
  std::function<void(const TapSpec&, const Frame&, std::span<const std::byte> pixels)> on_tap{};
};

/// A stream's queues at one moment.
struct StreamQueues {
  std::size_t waiting = 0;   ///< frames that have not started
  std::size_t running = 0;   ///< in a batch
  std::size_t pictures = 0;  ///< finished, not taken
  std::size_t input_capacity = 0;
  std::size_t output_capacity = 0;
};

struct StreamStats {
  std::uint32_t stream_id = 0;
  Flow flow;
};

struct PipelineStats {
  Flow total;  ///< all streams, closed ones included
  std::vector<StreamStats> streams;
  Metrics batches;
  std::uint64_t plan_swaps = 0;
  std::size_t pictures = 0;  ///< pictures that the current pool owns
};

enum class WaitStatus : std::uint8_t {
  kResult,
  kTimeout,
  kEnd,  ///< the stream has ended and all its results were taken, or it is not open
};

/// Runs frames of several streams in batches through a plan. Every frame that enters leaves exactly once, in the order
/// of its stream, as done, passthrough, dropped, failed or flushed. Once warm, nothing is allocated from submit to
/// poll.
///
/// Threads: one collects, writes and starts batches, one finishes them; all public members may be called from any
/// thread, but a stream whose frames must keep an order has one sender at a time. Failures of the plan become results;
/// nothing is thrown once the pipeline stands, except by open_stream and set_plan for arguments that break a contract.
class Pipeline {
 public:
  /// Starts with `plan`, which has at least one slot, or Error(kInvalidArgument).
  Pipeline(PreparedPlan plan, PipelineOptions options);
  /// Prepares the plan as the options say.
  Pipeline(std::shared_ptr<BatchPlan> plan, const PipelineOptions& options);
  /// Stops; results that were not taken are given up.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Throws Error(kInvalidArgument) when the id is open already or a capacity is 1.
  void open_stream(std::uint32_t stream_id, const StreamOptions& options = {});
  /// Ends the stream, flushes what waits and gives up results that were not taken. Returns when none of its frames
  /// runs.
  void close_stream(std::uint32_t stream_id);

  /// Hands a frame in; it is moved from only where it entered (accepted or dropped). Policy kBlock waits for room, the
  /// others return at once.
  SubmitStatus submit(Frame&& frame);
  /// As submit, but never waits: kRefused where kBlock would have.
  SubmitStatus try_submit(Frame&& frame);
  /// No more frames will come: what waits runs, then wait() gives kEnd.
  void end_stream(std::uint32_t stream_id);
  /// What waits leaves as flushed. Returns the number of frames.
  std::size_t flush(std::uint32_t stream_id);

  /// The stream's next result, if it is there.
  [[nodiscard]] std::optional<FrameResult> poll(std::uint32_t stream_id);
  /// Waits up to `timeout` (Duration::max(): for ever) for the stream's next result.
  [[nodiscard]] WaitStatus wait(std::uint32_t stream_id, FrameResult& result, Duration timeout = Duration::max());

  /// Later batches run on `plan`; the frames that wait stay in line. Returns when the batches that were in flight on
  /// the old plan have finished, and destroys it in the calling thread.
  void set_plan(PreparedPlan plan);
  /// What a plan for set_plan is prepared with.
  [[nodiscard]] PrepareOptions prepare_options() const;
  /// The input and output of the current plan.
  [[nodiscard]] PictureSpec input() const;
  [[nodiscard]] PictureSpec output() const;

  /// Ends every stream, flushes what waits, lets the batches in flight finish and ends the threads. Results can still
  /// be taken. Calls after the first do nothing.
  void stop();

  [[nodiscard]] PipelineStats stats() const;
  /// True when no batch is under way.
  [[nodiscard]] bool idle() const;
  /// Nothing for a stream that is not open.
  [[nodiscard]] std::optional<StreamQueues> queues(std::uint32_t stream_id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace comfystream::stream
