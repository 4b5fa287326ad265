// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/metrics.hpp"

#include <algorithm>

namespace comfystream::stream {

std::string_view to_string(Stage stage) noexcept {
  switch (stage) {
    case Stage::kCollect:
      return "collect";
    case Stage::kUpload:
      return "upload";
    case Stage::kInFlight:
      return "in_flight";
    case Stage::kDevice:
      return "device";
    case Stage::kDownload:
      return "download";
    case Stage::kOutputWait:
      return "output_wait";
  }
  return "unknown";
}

void Flow::entered(TimePoint now) noexcept { first_entered = std::min(first_entered, now); }

void Flow::left(Duration latency_of_frame, TimePoint now) noexcept {
  latency.record(latency_of_frame);
  last_left = std::max(last_left, now);
}

void Flow::merge(const Flow& other) noexcept {
  counters += other.counters;
  latency.merge(other.latency);
  first_entered = std::min(first_entered, other.first_entered);
  last_left = std::max(last_left, other.last_left);
}

double Flow::fps() const noexcept {
  const std::uint64_t frames = counters.done + counters.passthrough;
  if (frames == 0 || last_left <= first_entered) return 0.0;
  return static_cast<double>(frames) / std::chrono::duration<double>(last_left - first_entered).count();
}

void Metrics::allow_batch(int largest_batch) {
  const auto needed = static_cast<std::size_t>(largest_batch) + 1;
  if (batch_sizes_.size() < needed) batch_sizes_.resize(needed);
}

void Metrics::batch(const BatchRecord& record) noexcept {
  stage(Stage::kUpload, record.upload);
  if (record.failed) {
    ++failed_batches_;
    return;
  }
  ++batches_;
  ++batch_sizes_[static_cast<std::size_t>(record.frames)];
  padding_rows_ += static_cast<std::uint64_t>(record.run_size - record.frames);
  stage(Stage::kInFlight, record.in_flight);
  stage(Stage::kDevice, record.device);
  stage(Stage::kDownload, record.download);
}

}  // namespace comfystream::stream
