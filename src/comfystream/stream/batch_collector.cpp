// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/batch_collector.hpp"

#include <algorithm>

namespace comfystream::stream {

void BatchCollector::add(TensorCache& cache) { streams_.push_back(&cache); }

void BatchCollector::remove(const TensorCache& cache) {
  const auto place = std::find(streams_.begin(), streams_.end(), &cache);
  if (place == streams_.end()) return;
  const auto index = static_cast<std::size_t>(place - streams_.begin());
  streams_.erase(place);
  if (index < turn_) --turn_;
  if (turn_ >= streams_.size()) turn_ = 0;
}

BatchCollector::Decision BatchCollector::decide(int max_batch, bool device_busy, TimePoint now) const noexcept {
  std::size_t ready = 0;
  bool saturated = false;
  bool complete = true;
  TimePoint deadline = TimePoint::max();
  for (const TensorCache* cache : streams_) {
    ready += cache->ready();
    saturated = saturated || cache->saturated();
    complete = complete && cache->complete();
    if (cache->ready() > 0) deadline = std::min(deadline, cache->deadline());
  }
  const int frames = static_cast<int>(std::min(ready, static_cast<std::size_t>(max_batch)));
  if (frames == 0) return {};
  if (frames == max_batch || saturated || complete) return {frames};
  if (device_busy) return {};
  return deadline <= now ? Decision{frames} : Decision{0, deadline};
}

TensorCache& BatchCollector::next_stream() noexcept {
  while (streams_[turn_]->ready() == 0) turn_ = turn_ + 1 == streams_.size() ? 0 : turn_ + 1;
  TensorCache& cache = *streams_[turn_];
  turn_ = turn_ + 1 == streams_.size() ? 0 : turn_ + 1;
  return cache;
}

}  // namespace comfystream::stream
