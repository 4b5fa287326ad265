// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/pipeline_impl.hpp"

#include <utility>

namespace comfystream::stream {

void Pipeline::Impl::feed() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_ = false;
    BatchCollector::Decision decision;
    if (may_start()) decision = collector_.decide(max_batch(), device_batches_ > 0, clock_->now());
    if (decision.frames == 0) {
      clock_->wait_until(work_, lock, decision.wake, [this] { return wake_; });
      continue;
    }
    const InFlight next{plan_.get(), plan_->free.pop()};
    fill(*next.batch, decision.frames);
    ++next.plan->in_flight;
    ++in_flight_;
    ++device_batches_;
    lock.unlock();
    next.batch->start(*clock_, options_.on_error == OnError::kPassthrough);
    lock.lock();
    running_.push(next);
    started_.notify_one();
  }
  feeder_done_ = true;
  started_.notify_one();
}

void Pipeline::Impl::fill(Batch& batch, int frames) {
  const TimePoint now = clock_->now();
  for (int i = 0; i < frames; ++i) {
    TensorCache& cache = collector_.next_stream();
    OpenStream* stream = find(cache.stream_id()).get();
    TensorCache::Taken taken = cache.take(now);
    metrics_.stage(Stage::kCollect, taken.waited);
    BatchItem& item = batch.add();
    item.stream = stream;
    item.ticket = taken.ticket;
    item.frame = std::move(taken.frame);
    stream->room_changed();
  }
}

void Pipeline::Impl::finish() {
  std::unique_lock lock(mutex_);
  while (true) {
    started_.wait(lock, [this] { return !running_.empty() || feeder_done_; });
    if (running_.empty()) return;
    const InFlight done = running_.pop();
    lock.unlock();
    done.batch->wait(*clock_);
    lock.lock();
    --device_batches_;
    wake_feeder();
    lock.unlock();
    done.batch->settle(*clock_);
    if (options_.on_tap) done.batch->show_taps(options_.on_tap);
    if (options_.on_batch) options_.on_batch(done.batch->record());
    lock.lock();
    deliver(done);
  }
}

void Pipeline::Impl::deliver(InFlight done) {
  const TimePoint now = clock_->now();
  metrics_.batch(done.batch->record());
  for (BatchItem& item : done.batch->items()) {
    // The evicted picture goes back to its pool here, under the lock: that is a push on a list.
    const Picture evicted =
        item.stream->cache.finish(item.ticket, item.outcome, std::move(item.frame), std::move(item.reason), now);
    item.stream->results_changed();
  }
  done.batch->clear();
  done.plan->free.push(done.batch);
  --done.plan->in_flight;
  --in_flight_;
  wake_feeder();
  idle_.notify_all();
}

}  // namespace comfystream::stream
