// SPDX-License-Identifier: Apache-2.0
// Inner loops over contiguous floats, written so that a compiler vectorises them without reordering sums.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace comfystream::backend::reference {

/// Sum of a[i] * b[i], in 16 interleaved partial sums.
inline float dot(const float* __restrict a, const float* __restrict b, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  float sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (std::int64_t lane = 0; i + lane < count; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

/// The largest value; NaN only if all are.
inline float largest(const float* values, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
    }
  }
  for (; i < count; ++i) lanes[0] = std::max(lanes[0], values[i]);
  return *std::max_element(lanes, lanes + kLanes);
}

/// The sum, gathered in double.
inline double sum(const float* values, std::int64_t count) {
  constexpr std::int64_t kLanes = 8;
  double sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += values[i + lane];
  }
  for (; i < count; ++i) sums[0] += values[i];
  double total = 0;
  for (const double one : sums) total += one;
  return total;
}

/// y[i] += factor * x[i * step].
inline void add_scaled(float* __restrict y, const float* __restrict x, float factor, std::int64_t count,
                       std::int64_t step = 1) {
  if (step == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] += factor * x[i * step];
  }
}

}  // namespace comfystream::backend::reference
