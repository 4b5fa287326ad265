// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/sample_queue.hpp"

#include <utility>

namespace comfystream::media::gstreamer {

void SampleQueue::bound() {
  const std::lock_guard lock(mutex_);
  bounded_ = true;
}

bool SampleQueue::push(Handle<GstSample> sample) {
  std::unique_lock lock(mutex_);
  if (!bounded_ && samples_.full()) samples_.reserve(2 * samples_.capacity());
  if (when_full_ == WhenFull::kWait) {
    changed_.wait(lock, [this] { return closed_ || samples_.size() < capacity_ || !bounded_; });
  } else if (bounded_ && samples_.size() >= capacity_) {
    (void)samples_.pop();
    ++dropped_;
  }
  if (closed_) return false;
  samples_.push(std::move(sample));
  changed_.notify_all();
  return true;
}

void SampleQueue::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void SampleQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

Handle<GstSample> SampleQueue::pop(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return closed_ || ended_ || !samples_.empty(); });
  if (samples_.empty()) return nullptr;
  Handle<GstSample> sample = samples_.pop();
  changed_.notify_all();
  return sample;
}

bool SampleQueue::at_end() const {
  const std::lock_guard lock(mutex_);
  return ended_ && samples_.empty();
}

std::uint64_t SampleQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace comfystream::media::gstreamer
