// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/tensor_cache.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::stream {
namespace {

/// Records kept for results without a picture (dropped, failed, flushed) that nobody has taken yet.
constexpr std::size_t kSpareRecords = 256;
/// A batch is never held back longer than this on the strength of a measured interval.
constexpr Duration kLongestMeasuredDelay = std::chrono::milliseconds(50);

std::size_t capacity_for(std::size_t asked, std::size_t largest_batch, const char* which) {
  if (asked == 1) {
    throw Error(ErrorCode::kInvalidArgument, std::string(which) + " capacity is 1 frame",
                "use 2 or more, or 0 for twice the largest batch");
  }
  return asked != 0 ? asked : 2 * largest_batch;
}

}  // namespace

TensorCache::TensorCache(std::uint32_t stream_id, const StreamOptions& options, int largest_batch)
    : stream_id_(stream_id), options_(options) {
  set_largest_batch(largest_batch);
}

void TensorCache::set_largest_batch(int largest_batch) {
  largest_batch_ = static_cast<std::size_t>(std::max(largest_batch, 1));
  input_capacity_ = std::max(input_capacity_, capacity_for(options_.input_capacity, largest_batch_, "input queue"));
  output_capacity_ = std::max(output_capacity_, capacity_for(options_.output_capacity, largest_batch_, "output queue"));
  records_.reserve(input_capacity_ + output_capacity_ + kSpareRecords);
}

TensorCache::Pushed TensorCache::push(Frame&& frame, TimePoint now) {
  if (ended_) return {SubmitStatus::kClosed, {}};
  if (records_.full() || (options_.policy == QueuePolicy::kBlock && !has_room())) {
    ++counters_.refused;
    return {SubmitStatus::kRefused, {}};
  }
  Pushed pushed{SubmitStatus::kAccepted, {}};
  Record entry;
  entry.since = now;
  if (frame.arrival == TimePoint{}) frame.arrival = now;
  measure_interval(frame.arrival);
  if (waiting_ >= input_capacity_ && options_.policy == QueuePolicy::kDropNewest) {
    pushed = {SubmitStatus::kDropped, std::move(frame.picture)};
    entry.state = State::kFinished;
    entry.result.outcome = FrameOutcome::kDropped;
    entry.result.reason = to_string(options_.policy);
  } else {
    if (waiting_ >= input_capacity_) pushed.evicted = drop_oldest_waiting(now);
    ++waiting_;
  }
  entry.result.frame = std::move(frame);
  records_.push(std::move(entry));
  ++counters_.entered;
  return pushed;
}

std::size_t TensorCache::flush(TimePoint now) {
  const std::size_t flushed = waiting_;
  const std::uint64_t end = first_ + records_.size();
  for (; next_waiting_ < end; ++next_waiting_) {
    Record& entry = record(next_waiting_);
    if (entry.state != State::kWaiting) continue;
    entry.state = State::kFinished;
    entry.since = now;
    entry.result.outcome = FrameOutcome::kFlushed;
    entry.result.frame.picture = {};
  }
  waiting_ = 0;
  return flushed;
}

std::size_t TensorCache::ready() const noexcept {
  if (options_.policy == QueuePolicy::kDropOldest) return waiting_;
  const std::size_t used = running_ + pictures_;
  return used >= output_capacity_ ? 0 : std::min(waiting_, output_capacity_ - used);
}

bool TensorCache::settled() const noexcept { return ready() >= std::min({waiting_, output_capacity_, largest_batch_}); }

TimePoint TensorCache::deadline() const noexcept {
  if (waiting_ == 0) return TimePoint::max();
  if (complete()) return TimePoint::min();
  Duration allowance = options_.max_delay.allowance;
  if (options_.max_delay.kind == MaxDelay::Kind::kUntilFull) return TimePoint::max();
  if (options_.max_delay.kind == MaxDelay::Kind::kHalfInterval) {
    allowance = std::min(interval_ / 2, kLongestMeasuredDelay);
  }
  const auto oldest = records_[static_cast<std::size_t>(next_waiting_ - first_)].result.frame.arrival;
  return allowance > TimePoint::max() - oldest ? TimePoint::max() : oldest + allowance;
}

TensorCache::Taken TensorCache::take(TimePoint now) noexcept {
  Record& entry = record(next_waiting_);
  entry.state = State::kRunning;
  Taken taken{next_waiting_, std::move(entry.result.frame), now - entry.since};
  --waiting_;
  ++running_;
  skip_to_waiting();
  return taken;
}

Picture TensorCache::finish(std::uint64_t ticket, FrameOutcome outcome, Frame&& frame, std::string&& reason,
                            TimePoint now) noexcept {
  Record& entry = record(ticket);
  entry.state = State::kFinished;
  entry.since = now;
  entry.result.outcome = outcome;
  entry.result.frame = std::move(frame);
  entry.result.reason = std::move(reason);
  entry.holds_picture = !entry.result.frame.picture.empty();
  --running_;
  if (!entry.holds_picture) return {};
  ++pictures_;
  const bool over = options_.policy == QueuePolicy::kDropOldest && pictures_ > output_capacity_;
  return over ? drop_oldest_output() : Picture{};
}

std::optional<TensorCache::Exit> TensorCache::pop(TimePoint now) {
  if (!has_result()) return std::nullopt;
  Record entry = records_.pop();
  ++first_;
  if (entry.holds_picture) --pictures_;
  count(entry.result.outcome);
  return Exit{std::move(entry.result), now - entry.since};
}

bool TensorCache::has_result() const noexcept {
  return !records_.empty() && records_.front().state == State::kFinished;
}

void TensorCache::measure_interval(TimePoint arrival) noexcept {
  if (last_arrival_ != TimePoint{} && arrival > last_arrival_) {
    const Duration seen = arrival - last_arrival_;
    // A pause is not an interval: one gap may at most double the estimate before it is averaged in.
    interval_ = interval_ == Duration::zero() ? std::min(seen, 2 * kLongestMeasuredDelay)
                                              : interval_ + (std::min(seen, 2 * interval_) - interval_) / 8;
  }
  last_arrival_ = arrival;
}

Picture TensorCache::drop_oldest_waiting(TimePoint now) noexcept {
  Record& entry = record(next_waiting_);
  entry.state = State::kFinished;
  entry.since = now;
  entry.result.outcome = FrameOutcome::kDropped;
  entry.result.reason = to_string(options_.policy);
  --waiting_;
  skip_to_waiting();
  return std::move(entry.result.frame.picture);
}

Picture TensorCache::drop_oldest_output() noexcept {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    Record& entry = records_[i];
    if (!entry.holds_picture) continue;
    entry.holds_picture = false;
    --pictures_;
    entry.result.outcome = FrameOutcome::kDropped;
    entry.result.reason = to_string(options_.policy);
    return std::move(entry.result.frame.picture);
  }
  return {};
}

void TensorCache::skip_to_waiting() noexcept {
  const std::uint64_t end = first_ + records_.size();
  while (next_waiting_ < end && record(next_waiting_).state != State::kWaiting) ++next_waiting_;
}

void TensorCache::count(FrameOutcome outcome) noexcept {
  switch (outcome) {
    case FrameOutcome::kDone:
      ++counters_.done;
      break;
    case FrameOutcome::kPassthrough:
      ++counters_.passthrough;
      break;
    case FrameOutcome::kDropped:
      ++counters_.dropped;
      break;
    case FrameOutcome::kFailed:
      ++counters_.failed;
      break;
    case FrameOutcome::kFlushed:
      ++counters_.flushed;
      break;
  }
}

}  // namespace comfystream::stream
