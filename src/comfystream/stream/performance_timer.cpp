// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/performance_timer.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace comfystream::stream {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

std::string line(const std::string& name, int decimals, double value) {
  char number[48];
  std::snprintf(number, sizeof number, "%.*f", decimals, value);
  return name + ": " + number + "\n";
}

std::string line(const std::string& name, const std::optional<double>& value) {
  return value ? line(name, 4, *value) : name + ": not measured\n";
}

}  // namespace

PerformanceTimer::PerformanceTimer(std::shared_ptr<Clock> clock)
    : clock_(clock ? std::move(clock) : std::make_shared<SteadyClock>()) {}

void PerformanceTimer::start(const std::string& operation) {
  const TimePoint now = clock_->now();
  const std::lock_guard lock(mutex_);
  operations_[operation].started = now;
}

void PerformanceTimer::stop(const std::string& operation, int images, int batch_size) {
  const TimePoint now = clock_->now();
  const std::lock_guard lock(mutex_);
  const auto found = operations_.find(operation);
  if (found == operations_.end() || !found->second.started) return;
  found->second.record(*found->second.started, now, images, batch_size);
  found->second.started.reset();
}

void PerformanceTimer::record(const std::string& operation, TimePoint begin, TimePoint end, int images,
                              int batch_size) {
  const std::lock_guard lock(mutex_);
  operations_[operation].record(begin, end, images, batch_size);
}

void PerformanceTimer::set_gain(const std::string& operation, double ratio, int batch_size) {
  const std::lock_guard lock(mutex_);
  operations_[operation].gain = ratio;
  operations_[operation].gain_batch_size = batch_size;
}

OperationTimes PerformanceTimer::times(const std::string& operation) const {
  const std::lock_guard lock(mutex_);
  const auto found = operations_.find(operation);
  return found == operations_.end() ? OperationTimes{} : found->second.times();
}

std::string PerformanceTimer::summary() const {
  const std::lock_guard lock(mutex_);
  OperationTimes widest;
  TimePoint first = TimePoint::max();
  TimePoint last = TimePoint::min();
  std::string lines;
  for (const auto& [name, operation] : operations_) {
    const OperationTimes times = operation.times();
    if (times.images > widest.images) widest = times;
    first = std::min(first, operation.first_begin);
    last = std::max(last, operation.last_end);
    lines += line(name + "_fps", 4, times.fps) + line(name + "_avg_time", 4, times.average_time) +
             line(name + "_gain_over_batch_1", times.gain) + line(name + "_efficiency", times.efficiency);
  }
  const double wall = last > first ? seconds(last - first) : 0.0;
  return "Performance Summary:\nTotal Images Processed: " + std::to_string(widest.images) + "\n" +
         line("Total FPS", 2, wall > 0 ? static_cast<double>(widest.images) / wall : 0.0) +
         line("Average Batch Size", 2, widest.average_batch_size) + lines;
}

void PerformanceTimer::reset() {
  const std::lock_guard lock(mutex_);
  operations_.clear();
}

void PerformanceTimer::Operation::record(TimePoint begin, TimePoint end, int images_of_batch, int batch_size) {
  // Batches in flight together share time: only what is past the end of the one before counts.
  const TimePoint counted_from = batches == 0 ? begin : std::max(begin, last_end);
  const Duration added = std::max(end - counted_from, Duration::zero());
  busy += added;
  first_begin = std::min(first_begin, begin);
  last_end = std::max(last_end, end);
  ++batches;
  images += static_cast<std::uint64_t>(images_of_batch);
  if (batch_size != 1) return;
  if (!std::exchange(seen_single, true)) return;
  single_busy += added;
  ++single_images;
}

OperationTimes PerformanceTimer::Operation::times() const {
  OperationTimes result;
  result.batches = batches;
  result.images = images;
  result.busy = busy;
  if (images == 0 || busy <= Duration::zero()) return result;
  const auto count = static_cast<double>(images);
  result.fps = count / seconds(busy);
  result.average_time = seconds(busy) / count;
  result.average_batch_size = count / static_cast<double>(batches);
  if (gain) {
    result.gain = gain;
    result.efficiency = *gain / gain_batch_size;
  } else if (single_busy > Duration::zero()) {
    result.gain = result.fps * seconds(single_busy) / static_cast<double>(single_images);
    result.efficiency = *result.gain / result.average_batch_size;
  }
  return result;
}

}  // namespace comfystream::stream
