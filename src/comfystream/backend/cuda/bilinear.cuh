// SPDX-License-Identifier: Apache-2.0
// Where the pixels of a resized picture lie in the one it is made from.
#pragma once

namespace comfystream::backend::cuda {

// Products and sums are kept apart (no fused multiply-add) where the reference rounds in between.
__device__ inline float position_of(int out, int in_size, int out_size, bool align_corners) {
  const auto position = static_cast<float>(out);
  if (align_corners) {
    if (out_size == 1) return 0.0F;
    return __fmul_rn(position, __fdiv_rn(static_cast<float>(in_size - 1), static_cast<float>(out_size - 1)));
  }
  const float scale = __fdiv_rn(static_cast<float>(in_size), static_cast<float>(out_size));
  return __fsub_rn(__fmul_rn(position + 0.5F, scale), 0.5F);
}

/// The two neighbours along one axis that a bilinear pixel is between; the same one twice at the end.
struct Between {
  int first, second;
  float first_weight, second_weight;
};

__device__ inline Between between_at(int out, int in_size, int out_size, bool align_corners) {
  const float position = fmaxf(position_of(out, in_size, out_size, align_corners), 0.0F);
  const int first = min(static_cast<int>(position), in_size - 1);
  const float fraction = fminf(fmaxf(position - static_cast<float>(first), 0.0F), 1.0F);
  return {first, min(first + 1, in_size - 1), 1.0F - fraction, fraction};
}

}  // namespace comfystream::backend::cuda
