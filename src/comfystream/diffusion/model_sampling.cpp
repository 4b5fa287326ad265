// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/model_sampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace comfystream::diffusion {
namespace {

constexpr std::int64_t kTimesteps = 1000;
constexpr double kBetaStart = 0.00085;
constexpr double kBetaEnd = 0.012;

/// The square root of beta at `index`, counted from the nearer end as torch.linspace does.
double sqrt_beta(std::int64_t index) {
  const double start = std::sqrt(kBetaStart);
  const double end = std::sqrt(kBetaEnd);
  const double step = (end - start) / static_cast<double>(kTimesteps - 1);
  if (index < kTimesteps / 2) return start + step * static_cast<double>(index);
  return end - step * static_cast<double>(kTimesteps - 1 - index);
}

}  // namespace

ModelSampling::ModelSampling() {
  double alphas_product = 1.0;
  for (std::int64_t t = 0; t < kTimesteps; ++t) {
    const double root = sqrt_beta(t);
    alphas_product *= 1.0 - root * root;
    const double sigma = std::sqrt((1.0 - alphas_product) / alphas_product);
    sigmas_.push_back(static_cast<float>(sigma));
    log_sigmas_.push_back(static_cast<float>(std::log(sigma)));
  }
}

float ModelSampling::sigma(float timestep) const {
  const float t = std::clamp(timestep, 0.0F, static_cast<float>(kTimesteps - 1));
  const auto low = static_cast<std::size_t>(std::floor(t));
  const auto high = static_cast<std::size_t>(std::ceil(t));
  const float weight = t - std::floor(t);
  return std::exp((1.0F - weight) * log_sigmas_[low] + weight * log_sigmas_[high]);
}

std::int64_t ModelSampling::timestep(float sigma) const {
  const float log_sigma = std::log(sigma);
  const auto nearest = std::ranges::min_element(
      log_sigmas_, {}, [log_sigma](float candidate) { return std::abs(log_sigma - candidate); });
  return nearest - log_sigmas_.begin();
}

double ModelSampling::percent_to_sigma(double percent) const {
  if (percent <= 0.0) return 999999999.9;
  if (percent >= 1.0) return 0.0;
  return sigma(static_cast<float>((1.0 - percent) * static_cast<double>(kTimesteps - 1)));
}

}  // namespace comfystream::diffusion
