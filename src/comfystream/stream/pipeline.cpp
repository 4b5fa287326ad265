// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/pipeline.hpp"

#include "comfystream/error.hpp"
#include "comfystream/stream/pipeline_impl.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace comfystream::stream {

ActivePlan::ActivePlan(PreparedPlan given) : prepared(std::move(given)), free(prepared.slots.size()) {
  if (!prepared.plan || !prepared.pictures || prepared.slots.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "a plan without slots or pictures", "make it with prepare_plan");
  }
  for (const auto& slot : prepared.slots) {
    batches.push_back(std::make_unique<Batch>(prepared, *slot));
    free.push(batches.back().get());
  }
}

Pipeline::Impl::Impl(PreparedPlan plan, PipelineOptions options)
    : options_(std::move(options)),
      clock_(options_.clock ? options_.clock : std::make_shared<SteadyClock>()),
      plan_(std::make_unique<ActivePlan>(std::move(plan))),
      running_(static_cast<std::size_t>(std::max(options_.slots, 1))),
      metrics_(plan_->prepared.plan->max_batch()) {
  if (options_.slots < 1) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(options_.slots) + " batches in flight", "use 1 or more");
  }
  feeder_ = std::thread([this] { feed(); });
  finisher_ = std::thread([this] { finish(); });
}

void Pipeline::Impl::open_stream(std::uint32_t stream_id, const StreamOptions& options) {
  std::unique_lock lock(mutex_);
  if (find(stream_id)) {
    throw Error(ErrorCode::kInvalidArgument, "stream " + std::to_string(stream_id) + " is open already");
  }
  auto stream = std::make_shared<OpenStream>(stream_id, options, max_batch());
  if (stopping_) stream->cache.end();
  streams_.push_back(stream);
  collector_.add(stream->cache);
  const std::shared_ptr<PicturePool> pictures = plan_->prepared.pictures;
  const std::size_t count = picture_count(*plan_);
  // The other streams go on meanwhile.
  lock.unlock();
  pictures->reserve(count);
}

void Pipeline::Impl::close_stream(std::uint32_t stream_id) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<OpenStream> stream = find(stream_id);
  if (!stream) return;
  stream->cache.end();
  stream->cache.flush(clock_->now());
  idle_.wait(lock, [&] { return stream->cache.running() == 0; });
  stream->closed = true;
  stream->room_changed();
  stream->results_changed();
  collector_.remove(stream->cache);
  std::erase(streams_, stream);
  stream->flow.counters = stream->cache.counters();
  closed_.merge(stream->flow);
  wake_feeder();
}

SubmitStatus Pipeline::Impl::submit(Frame&& frame, bool may_wait) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<OpenStream> stream = find(frame.stream_id);
  if (!stream) return SubmitStatus::kClosed;
  TensorCache& cache = stream->cache;
  if (may_wait && cache.options().policy == QueuePolicy::kBlock) {
    clock_->wait_until(stream->room, lock, TimePoint::max(), [&cache] { return cache.has_room() || cache.ended(); });
  }
  const TimePoint now = clock_->now();
  const TensorCache::Pushed pushed = cache.push(std::move(frame), now);
  if (pushed.status == SubmitStatus::kRefused || pushed.status == SubmitStatus::kClosed) return pushed.status;
  stream->flow.entered(now);
  // A dropped frame can be the stream's next result.
  if (cache.has_result()) stream->results_changed();
  wake_feeder();
  lock.unlock();
  return pushed.status;
}

void Pipeline::Impl::end_stream(std::uint32_t stream_id) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<OpenStream> stream = find(stream_id);
  if (!stream) return;
  stream->cache.end();
  stream->room_changed();
  stream->results_changed();
  wake_feeder();
}

std::size_t Pipeline::Impl::flush(std::uint32_t stream_id) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<OpenStream> stream = find(stream_id);
  if (!stream) return 0;
  const std::size_t flushed = stream->cache.flush(clock_->now());
  stream->room_changed();
  stream->results_changed();
  return flushed;
}

WaitStatus Pipeline::Impl::wait(std::uint32_t stream_id, FrameResult& result, Duration timeout) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<OpenStream> stream = find(stream_id);
  if (!stream) return WaitStatus::kEnd;
  const auto ready = [stream = stream.get()] {
    return stream->closed || stream->cache.has_result() || stream->cache.drained();
  };
  if (timeout > Duration::zero() && !ready()) {
    const TimePoint now = clock_->now();
    const TimePoint deadline = timeout > TimePoint::max() - now ? TimePoint::max() : now + timeout;
    clock_->wait_until(stream->results, lock, deadline, ready);
  }
  if (stream->closed) return WaitStatus::kEnd;
  std::optional<TensorCache::Exit> exit = stream->cache.pop(clock_->now());
  if (!exit) return stream->cache.drained() ? WaitStatus::kEnd : WaitStatus::kTimeout;
  record_exit(*stream, *exit);
  stream->room_changed();
  if (stream->cache.drained()) stream->results_changed();
  wake_feeder();
  lock.unlock();
  result = std::move(exit->result);
  return WaitStatus::kResult;
}

void Pipeline::Impl::set_plan(PreparedPlan prepared) {
  auto next = std::make_unique<ActivePlan>(std::move(prepared));
  std::unique_lock lock(mutex_);
  const std::size_t count = picture_count(*next);
  lock.unlock();
  next->prepared.pictures->reserve(count);
  lock.lock();
  metrics_.allow_batch(next->prepared.plan->max_batch());
  std::swap(plan_, next);
  for (const auto& stream : streams_) {
    stream->cache.set_largest_batch(max_batch());
    stream->room_changed();
  }
  ++plan_swaps_;
  wake_feeder();
  idle_.wait(lock, [&] { return next->in_flight == 0; });
  lock.unlock();
  next.reset();
}

PrepareOptions Pipeline::Impl::prepare_options() const { return {options_.slots, options_.output_format}; }

PictureSpec Pipeline::Impl::input() const {
  const std::lock_guard lock(mutex_);
  return plan_->prepared.plan->input();
}

PictureSpec Pipeline::Impl::output() const {
  const std::lock_guard lock(mutex_);
  return plan_->prepared.pictures->spec();
}

void Pipeline::Impl::stop() {
  const std::lock_guard once(stop_mutex_);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& stream : streams_) {
      stream->cache.end();
      stream->cache.flush(clock_->now());
      stream->room_changed();
      stream->results_changed();
    }
    wake_feeder();
  }
  if (feeder_.joinable()) feeder_.join();
  if (finisher_.joinable()) finisher_.join();
}

PipelineStats Pipeline::Impl::stats() const {
  const std::lock_guard lock(mutex_);
  PipelineStats stats{closed_, {}, metrics_, plan_swaps_, plan_->prepared.pictures->size()};
  for (const auto& stream : streams_) {
    stats.streams.push_back({stream->cache.stream_id(), stream->flow});
    stats.streams.back().flow.counters = stream->cache.counters();
    stats.total.merge(stats.streams.back().flow);
  }
  return stats;
}

bool Pipeline::Impl::idle() const {
  const std::lock_guard lock(mutex_);
  return in_flight_ == 0;
}

std::optional<StreamQueues> Pipeline::Impl::queues(std::uint32_t stream_id) const {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<OpenStream> stream = find(stream_id);
  if (!stream) return std::nullopt;
  const TensorCache& cache = stream->cache;
  return StreamQueues{cache.waiting(), cache.running(), cache.pictures(), cache.input_capacity(),
                      cache.output_capacity()};
}

bool Pipeline::Impl::may_start() const { return in_flight_ < options_.slots && !plan_->free.empty(); }

int Pipeline::Impl::max_batch() const {
  const int largest = plan_->prepared.plan->max_batch();
  return options_.max_batch > 0 ? std::min(largest, options_.max_batch) : largest;
}

std::shared_ptr<OpenStream> Pipeline::Impl::find(std::uint32_t stream_id) const {
  for (const auto& stream : streams_) {
    if (stream->cache.stream_id() == stream_id) return stream;
  }
  return nullptr;
}

void Pipeline::Impl::record_exit(OpenStream& stream, const TensorCache::Exit& exit) {
  const FrameOutcome outcome = exit.result.outcome;
  if (outcome != FrameOutcome::kDone && outcome != FrameOutcome::kPassthrough) return;
  const TimePoint now = clock_->now();
  stream.flow.left(now - exit.result.frame.arrival, now);
  metrics_.stage(Stage::kOutputWait, exit.output_wait);
}

std::size_t Pipeline::Impl::picture_count(const ActivePlan& plan) const {
  // Those being written, those that wait, and two in each receiver's hands.
  std::size_t count = plan.batches.size() * static_cast<std::size_t>(plan.prepared.plan->max_batch());
  for (const auto& stream : streams_) count += stream->cache.output_capacity() + 2;
  return count;
}

void Pipeline::Impl::wake_feeder() {
  wake_ = true;
  work_.notify_one();
}

Pipeline::Pipeline(PreparedPlan plan, PipelineOptions options)
    : impl_(std::make_unique<Impl>(std::move(plan), std::move(options))) {}
Pipeline::Pipeline(std::shared_ptr<BatchPlan> plan, const PipelineOptions& options)
    : Pipeline(prepare_plan(std::move(plan), {options.slots, options.output_format}), options) {}
Pipeline::~Pipeline() = default;

void Pipeline::open_stream(std::uint32_t stream_id, const StreamOptions& options) {
  impl_->open_stream(stream_id, options);
}
void Pipeline::close_stream(std::uint32_t stream_id) { impl_->close_stream(stream_id); }
SubmitStatus Pipeline::submit(Frame&& frame) { return impl_->submit(std::move(frame), true); }
SubmitStatus Pipeline::try_submit(Frame&& frame) { return impl_->submit(std::move(frame), false); }
void Pipeline::end_stream(std::uint32_t stream_id) { impl_->end_stream(stream_id); }
std::size_t Pipeline::flush(std::uint32_t stream_id) { return impl_->flush(stream_id); }
WaitStatus Pipeline::wait(std::uint32_t stream_id, FrameResult& result, Duration timeout) {
  return impl_->wait(stream_id, result, timeout);
}
void Pipeline::set_plan(PreparedPlan plan) { impl_->set_plan(std::move(plan)); }
PrepareOptions Pipeline::prepare_options() const { return impl_->prepare_options(); }
PictureSpec Pipeline::input() const { return impl_->input(); }
PictureSpec Pipeline::output() const { return impl_->output(); }
void Pipeline::stop() { impl_->stop(); }
PipelineStats Pipeline::stats() const { return impl_->stats(); }
bool Pipeline::idle() const { return impl_->idle(); }
std::optional<StreamQueues> Pipeline::queues(std::uint32_t stream_id) const { return impl_->queues(stream_id); }

std::optional<FrameResult> Pipeline::poll(std::uint32_t stream_id) {
  FrameResult result;
  if (impl_->wait(stream_id, result, Duration::zero()) != WaitStatus::kResult) return std::nullopt;
  return result;
}

}  // namespace comfystream::stream
