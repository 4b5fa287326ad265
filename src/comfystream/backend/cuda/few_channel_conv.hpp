// SPDX-License-Identifier: Apache-2.0
// A convolution of 3x3 of a large map of few channels, with one pixel of border, in one kernel of ours.
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstdint>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

enum class FewChannelActivation : std::uint8_t { kNone, kRelu, kSilu };

/// y = activation(conv(x, weight) + bias), sums in f32. Everything is of `type` (f16 or bf16) and aligned to 16 bytes.
/// Pixel (h, w) of frame n of x starts at n * strides[0] + h * strides[1] + w * strides[2], multiples of 8; weight
/// [outputs, 3, 3, channels] has x's channels last; y is dense [batch, out_height, out_width, outputs], of x's pixels
/// every one or every second (`step`).
struct FewChannelConvCall {
  DType type;
  const void* x;
  std::int64_t strides[3];
  const void* weight;
  const void* bias;  ///< or nullptr
  void* y;
  FewChannelActivation activation;
  std::int64_t batch, channels, height, width, outputs, out_height, out_width, step;
};

/// Whether there is a kernel for so many channels: 8, 16 or 32 to a multiple of 16, at step 1 or 2.
[[nodiscard]] bool has_few_channel_conv(std::int64_t channels, std::int64_t outputs, std::int64_t step);
/// Throws Error when it does not start.
void launch_few_channel_conv(const FewChannelConvCall& call, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
