// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace comfystream::stream {

std::size_t DurationHistogram::bucket_of(std::uint64_t value) noexcept {
  constexpr std::uint64_t kSteps = std::uint64_t{1} << kStepBits;
  if (value < kSteps) return value;
  const int power = std::bit_width(value) - 1;  // value is in [2^power, 2^(power + 1))
  const int shift = power - kStepBits;
  return ((static_cast<std::size_t>(shift) + 1) << kStepBits) + ((value >> shift) - kSteps);
}

std::uint64_t DurationHistogram::middle_of(std::size_t bucket) noexcept {
  constexpr std::uint64_t kSteps = std::uint64_t{1} << kStepBits;
  if (bucket < kSteps) return bucket;
  const std::size_t shift = (bucket >> kStepBits) - 1;
  const std::uint64_t low = (kSteps + (bucket & (kSteps - 1))) << shift;
  return low + ((std::uint64_t{1} << shift) >> 1);
}

void DurationHistogram::record(Duration duration) noexcept {
  constexpr std::int64_t kLargest = (std::int64_t{1} << kLargestPower) - 1;
  const std::int64_t value = std::clamp<std::int64_t>(duration.count(), 0, kLargest);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  total_ += value;
  max_ = std::max(max_, value);
}

void DurationHistogram::merge(const DurationHistogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  total_ += other.total_;
  max_ = std::max(max_, other.max_);
}

Duration DurationHistogram::mean() const noexcept {
  return count_ == 0 ? Duration::zero() : Duration(total_ / static_cast<std::int64_t>(count_));
}

Duration DurationHistogram::quantile(double share) const noexcept {
  if (count_ == 0) return Duration::zero();
  const auto rank = static_cast<std::uint64_t>(std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= std::max<std::uint64_t>(rank, 1)) {
      return Duration(std::min(static_cast<std::int64_t>(middle_of(i)), max_));
    }
  }
  return Duration(max_);
}

}  // namespace comfystream::stream
