// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"

#include <cmath>

namespace comfystream::backend::reference {
namespace {

struct Moments {
  double mean;
  double inverse_deviation;
};

// Mean and 1 / sqrt(variance + epsilon), the variance being the biased one.
Moments moments_of(const float* values, std::int64_t count, float epsilon) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += values[i];
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) squares += (values[i] - mean) * (values[i] - mean);
  return {mean, 1.0 / std::sqrt(squares / static_cast<double>(count) + static_cast<double>(epsilon))};
}

}  // namespace

Kernel group_norm_kernel(const Site& site) {
  const auto attrs = site.attributes<graph::GroupNormAttrs>();
  const Shape shape = site.result.shape;
  const std::int64_t channels = shape[1] / attrs.groups;
  const std::int64_t plane = shape[1] == 0 || shape[0] == 0 ? 0 : shape.elements() / (shape[0] * shape[1]);
  return {[=](const Arguments& arguments) {
    const float* in = arguments.input<float>(0);
    float* out = arguments.output<float>();
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      for (std::int64_t c = 0; c < shape[1]; c += channels) {
        const auto m = moments_of(in, channels * plane, attrs.epsilon);
        for (std::int64_t i = c; i < c + channels; ++i) {
          const double scale = arguments.input<float>(1)[i] * m.inverse_deviation;
          const double offset = arguments.input<float>(2)[i] - m.mean * scale;
          for (std::int64_t p = 0; p < plane; ++p) *out++ = static_cast<float>(*in++ * scale + offset);
        }
      }
    }
  }};
}

Kernel layer_norm_kernel(const Site& site) {
  const float epsilon = site.attributes<graph::LayerNormAttrs>().epsilon;
  const std::int64_t width = site.result.shape.dims().back();
  const std::int64_t rows = width == 0 ? 0 : site.result.shape.elements() / width;
  return {[=](const Arguments& arguments) {
    const float* weight = arguments.input<float>(1);
    const float* bias = arguments.input<float>(2);
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* in = arguments.input<float>(0) + row * width;
      float* out = arguments.output<float>() + row * width;
      const auto m = moments_of(in, width, epsilon);
      for (std::int64_t i = 0; i < width; ++i) {
        out[i] = static_cast<float>((in[i] - m.mean) * m.inverse_deviation * weight[i] + bias[i]);
      }
    }
  }};
}

}  // namespace comfystream::backend::reference
