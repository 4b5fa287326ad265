// SPDX-License-Identifier: Apache-2.0
// The softmax of attention on Hopper, in the registers that warpgroup products leave scores in (see wgmma.cuh): of a
// tile a thread has parts of two rows, element i being of row i / 2 % 2.
#pragma once

#include <cstdint>
#include <type_traits>

#include <cuda_fp16.h>
#include <math_constants.h>

namespace comfystream::backend::cuda::hopper {

__device__ inline float exp2_of_unit(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

template <typename T>
__device__ inline std::uint32_t pack(float low, float high) {
  std::uint32_t result;
  if constexpr (std::is_same_v<T, __half>) {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  } else {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  }
  return result;
}

__device__ inline float log2_of_unit(float x) {
  float result;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// Of a thread's two rows: the scaled score that is subtracted, and the sums of its own columns' weights.
struct RowState {
  float top[2];
  float sum[2];
};

/// Keys past the end count nothing.
template <int N>
__device__ void mask_end(float (&s)[N], int keys) {
  const int column = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    if (i / 4 * 8 + column + i % 2 >= keys) s[i] = -CUDART_INF_F;
  }
}

/// Of the whole rows, of which four neighbours have parts.
template <int N>
__device__ void row_maxima(const float (&s)[N], float (&greatest)[2]) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float partial[4] = {s[2 * h], s[2 * h + 1], s[2 * h + 4], s[2 * h + 5]};
#pragma unroll
    for (int j = 2; j < N / 4; ++j) {
      partial[j % 2 * 2] = fmaxf(partial[j % 2 * 2], s[4 * j + 2 * h]);
      partial[j % 2 * 2 + 1] = fmaxf(partial[j % 2 * 2 + 1], s[4 * j + 2 * h + 1]);
    }
    float value = fmaxf(fmaxf(partial[0], partial[1]), fmaxf(partial[2], partial[3]));
    value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFU, value, 1));
    greatest[h] = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFU, value, 2));
  }
}

template <int N>
__device__ void scale_sums(float (&o)[N], RowState& rows, const float (&factors)[2]) {
#pragma unroll
  for (int i = 0; i < N; ++i) o[i] *= factors[i / 2 % 2];
#pragma unroll
  for (int h = 0; h < 2; ++h) rows.sum[h] *= factors[h];
}

/// Scores to weights, 2^(scale * score - top), and the sums of the thread's own of two rows, in two parts each.
template <int N>
__device__ void make_weights(float (&s)[N], float (&sums)[4], const RowState& rows, float scale) {
#pragma unroll
  for (int i = 0; i < 4; ++i) sums[i] = 0.0F;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    s[i] = exp2_of_unit(fmaf(s[i], scale, -rows.top[i / 2 % 2]));
    sums[i % 4] += s[i];
  }
}

/// As a left operand.
template <typename T, int N>
__device__ void pack_weights(const float (&s)[N], std::uint32_t (&p)[N / 8][4]) {
#pragma unroll
  for (int pair = 0; pair < N / 2; ++pair) p[pair / 4][pair % 4] = pack<T>(s[2 * pair], s[2 * pair + 1]);
}

/// Whether weights of any row of the warp may be too large for a narrow type: scores have risen by much since the top
/// was chosen.
__device__ inline bool outgrown(const float (&sums)[4]) {
  constexpr float kMost = 16384.0F;
  const bool fit = fmaxf(fmaxf(sums[0], sums[1]), fmaxf(sums[2], sums[3])) <= kMost;
  return __any_sync(0xFFFFFFFFU, !fit) != 0;
}

/// Raises the tops of rows so that their weights fit again. `factors` for what was summed before.
template <int N>
__device__ void raise_tops(float (&s)[N], float (&sums)[4], RowState& rows, float (&factors)[2],
                           const float (&greatest)[2]) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const float rise = greatest[h] > 1.0F ? log2_of_unit(greatest[h]) : 0.0F;
    factors[h] = exp2_of_unit(-rise);
    rows.top[h] += rise;
  }
#pragma unroll
  for (int i = 0; i < N; ++i) s[i] *= factors[i / 2 % 2];
#pragma unroll
  for (int i = 0; i < 4; ++i) sums[i] *= factors[i / 2];
}

}  // namespace comfystream::backend::cuda::hopper
