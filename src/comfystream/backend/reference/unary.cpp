// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace comfystream::backend::reference {
namespace {

float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

// GELU, exact (erf) and by tanh (Hendrycks and Gimpel 2016), as PyTorch's approximate="none" and "tanh".
float gelu(float x) { return 0.5F * x * (1.0F + std::erf(x * (1.0F / std::numbers::sqrt2_v<float>))); }
float gelu_tanh(float x) {
  const float inner = (std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>)*(x + 0.044715F * x * x * x);
  return 0.5F * x * (1.0F + std::tanh(inner));
}

template <typename Function>
Kernel map(const Site& site, Function function) {
  const std::int64_t count = site.result.shape.elements();
  return {[=](const Arguments& arguments) {
    const float* in = arguments.input<float>(0);
    float* out = arguments.output<float>();
    for (std::int64_t i = 0; i < count; ++i) out[i] = function(in[i]);
  }};
}

}  // namespace

Kernel unary_kernel(const Site& site) {
  using graph::UnaryKind;
  switch (site.attributes<graph::UnaryAttrs>().kind) {
    case UnaryKind::kSilu:
      return map(site, [](float x) { return x * sigmoid(x); });
    case UnaryKind::kGelu:
      return map(site, gelu);
    case UnaryKind::kGeluTanh:
      return map(site, gelu_tanh);
    case UnaryKind::kQuickGelu:
      return map(site, [](float x) { return x * sigmoid(1.702F * x); });
    case UnaryKind::kRelu:
      return map(site, [](float x) { return x < 0.0F ? 0.0F : x; });
    case UnaryKind::kTanh:
      return map(site, [](float x) { return std::tanh(x); });
    case UnaryKind::kSigmoid:
      return map(site, sigmoid);
    case UnaryKind::kFloor:
      return map(site, [](float x) { return std::floor(x); });
    case UnaryKind::kRound:
      return map(site, [](float x) { return std::nearbyint(x); });  // halves to even
    case UnaryKind::kExp:
      return map(site, [](float x) { return std::exp(x); });
    case UnaryKind::kLog:
      return map(site, [](float x) { return std::log(x); });
    case UnaryKind::kSqrt:
      return map(site, [](float x) { return std::sqrt(x); });
    case UnaryKind::kNeg:
      return map(site, [](float x) { return -x; });
    case UnaryKind::kAbs:
      return map(site, [](float x) { return std::abs(x); });
  }
  refuse_type(site);
}

Kernel clamp_kernel(const Site& site) {
  const auto limits = site.attributes<graph::ClampAttrs>();
  // NaN compares false with both limits and passes, as in PyTorch.
  return map(site, [=](float x) { return x < limits.low ? limits.low : (x > limits.high ? limits.high : x); });
}

}  // namespace comfystream::backend::reference
