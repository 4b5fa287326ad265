// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/tap_weights.hpp"

namespace comfystream::backend::cuda {
namespace {

constexpr std::int64_t kTaps = 9;

// [K, C, 3, 3] times [C, D] for each tap.
Tensor multiply(const Tensor& weight, const Tensor& right, std::int64_t width) {
  const Tensor floats = weight.to_f32();
  const Tensor columns = right.to_f32();
  const std::int64_t outputs = weight.shape()[0];
  const std::int64_t inputs = weight.shape()[1];
  Tensor result(DType::kF32, {kTaps, outputs, width});
  const float* from = floats.values<float>().data();
  const float* matrix = columns.values<float>().data();
  float* to = result.mutable_values<float>().data();
  for (std::int64_t tap = 0; tap < kTaps; ++tap) {
    for (std::int64_t k = 0; k < outputs; ++k) {
      float* row = to + (tap * outputs + k) * width;
      for (std::int64_t d = 0; d < width; ++d) row[d] = 0.0F;
      for (std::int64_t c = 0; c < inputs; ++c) {
        const float factor = from[(k * inputs + c) * kTaps + tap];
        for (std::int64_t d = 0; d < width; ++d) row[d] += factor * matrix[c * width + d];
      }
    }
  }
  return result;
}

}  // namespace

Tensor compose_taps(const Tensor& weight, const Tensor& pixelwise) {
  return multiply(weight, pixelwise, pixelwise.shape()[1]);
}

Tensor compose_tap_bias(const Tensor& weight, const Tensor& bias) { return multiply(weight, bias, 1); }

}  // namespace comfystream::backend::cuda
