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

/// 2^x by multiply-adds: relative error 7.5e-5, a third of a narrow type's rounding; what is below 2^-125 becomes that.
/// The coefficients are the minimax ones of 2^r for |r| <= 1/2 in relative error.
__device__ inline float exp2_of_polynomial(float x) {
  constexpr float kToInteger = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  x = fmaxf(x, -125.0F);
  const float integer = x + kToInteger;
  const float rest = x - (integer - kToInteger);
  float power = fmaf(0.055171669F, rest, 0.24261112F);
  power = fmaf(power, rest, 0.69326099F);
  power = fmaf(power, rest, 0.99992807F);
  return __int_as_float(__float_as_int(power) + (__float_as_int(integer) << 23));
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

/// Of a thread's two rows: the score that is subtracted, and the sums of its own columns' weights, in two parts each.
struct RowState {
  float top[2];
  float sum[4];
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

/// Raises what is subtracted where the scores have risen by so much (2^8) that the weights' range asks for it. Whether
/// it did for any row of the warp; `factors` for what was summed before.
__device__ inline bool raise_tops(RowState& rows, float (&factors)[2], const float (&greatest)[2], float scale) {
  bool raised[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) raised[h] = (greatest[h] - rows.top[h]) * scale > 8.0F;
  if (__any_sync(0xFFFFFFFFU, raised[0] || raised[1]) == 0) return false;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const float top = raised[h] ? greatest[h] : rows.top[h];
    factors[h] = exp2_of_unit((rows.top[h] - top) * scale);
    rows.top[h] = top;
  }
  return true;
}

template <int N>
__device__ void scale_sums(float (&o)[N], RowState& rows, const float (&factors)[2]) {
#pragma unroll
  for (int i = 0; i < N; ++i) o[i] *= factors[i / 2 % 2];
#pragma unroll
  for (int i = 0; i < 4; ++i) rows.sum[i] *= factors[i / 2];
}

/// Scores to weights, packed as a left operand; their sums are added to the rows'. kEighths of the exponentials are
/// polynomials.
template <typename T, int kEighths, int N>
__device__ void make_weights(const float (&s)[N], std::uint32_t (&p)[N / 8][4], RowState& rows, float scale) {
  const float below[2] = {-rows.top[0] * scale, -rows.top[1] * scale};
  float sums[4] = {};
#pragma unroll
  for (int pair = 0; pair < N / 2; ++pair) {
    float w[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float x = fmaf(s[2 * pair + i], scale, below[pair % 2]);
      const int place = (pair / 2 * 2 + i) % 8;  // among the row's
      w[i] = place * kEighths % 8 < kEighths ? exp2_of_polynomial(x) : exp2_of_unit(x);
      sums[pair % 2 * 2 + i] += w[i];
    }
    p[pair / 4][pair % 4] = pack<T>(w[0], w[1]);
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) rows.sum[i] += sums[i];
}

}  // namespace comfystream::backend::cuda::hopper
