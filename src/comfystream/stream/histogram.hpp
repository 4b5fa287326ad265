// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"

#include <array>
#include <cstdint>

namespace comfystream::stream {

/// Durations counted in buckets that are at most 1/64 wide relative to their values, in fixed memory: what it reports
/// is within 1 % of what was recorded. (The scheme of HdrHistogram: equal steps within each power of two.)
class DurationHistogram {
 public:
  /// Negative durations count as 0; above 2^45 ns (about 9 hours) as that.
  void record(Duration duration) noexcept;
  void merge(const DurationHistogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] Duration total() const noexcept { return Duration(total_); }
  [[nodiscard]] Duration max() const noexcept { return Duration(max_); }
  [[nodiscard]] Duration mean() const noexcept;
  /// The duration that `share` (0..1) of the records do not exceed (nearest rank); 0 when there are none.
  [[nodiscard]] Duration quantile(double share) const noexcept;

 private:
  static constexpr int kStepBits = 6;
  static constexpr int kLargestPower = 45;
  static constexpr std::size_t kBuckets = (kLargestPower - kStepBits + 2) << kStepBits;

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) noexcept;
  [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket) noexcept;

  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t total_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace comfystream::stream
