// SPDX-License-Identifier: Apache-2.0
// A convolution of 3x3 behind one of single pixels as one matrix.
#pragma once

#include "comfystream/tensor/tensor.hpp"

namespace comfystream::backend::cuda {

/// What each tap of `weight` [K, C, 3, 3] makes of the pixels in front of `pixelwise` [C, D, 1, 1]: f32 [9, K, D].
[[nodiscard]] Tensor compose_taps(const Tensor& weight, const Tensor& pixelwise);
/// What each tap makes of `bias` [C], which every pixel inside the map has: f32 [9, K].
[[nodiscard]] Tensor compose_tap_bias(const Tensor& weight, const Tensor& bias);

}  // namespace comfystream::backend::cuda
