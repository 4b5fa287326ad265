// SPDX-License-Identifier: Apache-2.0
// A convolution of 3x3 from 64 to 64 channels of a map whose pixels are repeated to two by two, in one kernel of ours.
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstdint>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// y [batch, 2 height, 2 width, 64] = conv(x enlarged, one pixel of border) + bias, sums in f32. Everything stored is
/// of `type` (f16 or bf16) and aligned to 16 bytes; y is dense. Pixel (h, w) of frame n of the small map x starts at n
/// * strides[0] + h * strides[1] + w * strides[2], multiples of 8; weight [4 * 64, 2, 2, 64] is packed as `quarters`
/// (Packing).
struct EnlargedConvCall {
  DType type;
  const void* x;
  std::int64_t strides[3];
  const void* weight;
  const void* bias;  ///< or nullptr
  void* y;
  std::int64_t batch, height, width;
};

inline constexpr std::int64_t kEnlargedConvChannels = 64;

/// Throws Error when it does not start.
void launch_enlarged_conv(const EnlargedConvCall& call, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
