// SPDX-License-Identifier: Apache-2.0
// A convolution of 3x3 from 64 to 64 channels, with one pixel of border, in one kernel of ours.
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstdint>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// y = relu(conv(x, weight) + bias + residual), sums in f32. Everything stored is of `type` (f16 or bf16) and aligned
/// to 16 bytes. Pixel (h, w) of frame n of x starts at n * strides[0] + h * strides[1] + w * strides[2], multiples of
/// 8; y and residual are dense [batch, height, width, 64], weight [64, 3, 3, 64] with the channels of x last.
struct StripConvCall {
  DType type;
  const void* x;
  std::int64_t strides[3];
  const void* weight;
  const void* bias;      ///< or nullptr
  const void* residual;  ///< or nullptr
  void* y;
  bool relu;
  std::int64_t batch, height, width;
};

inline constexpr std::int64_t kStripConvChannels = 64;

/// Throws Error when it does not start.
void launch_strip_conv(const StripConvCall& call, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
