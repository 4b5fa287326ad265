// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/timestep_frequencies.hpp"

#include <cmath>

namespace comfystream::backend {

std::vector<float> timestep_frequencies(const graph::TimestepEmbeddingAttrs& attrs) {
  const std::int64_t half = attrs.dim / 2;
  const float divisor = static_cast<float>(half) - attrs.downscale_freq_shift;
  const auto factor = static_cast<float>(-std::log(static_cast<double>(attrs.max_period)));
  std::vector<float> result;
  for (std::int64_t i = 0; i < half; ++i) {
    const float exponent = factor * static_cast<float>(i) / divisor;
    result.push_back(static_cast<float>(std::exp(static_cast<double>(exponent))));
  }
  return result;
}

}  // namespace comfystream::backend
