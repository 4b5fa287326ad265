// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/sigmas.hpp"

#include "comfystream/diffusion/beta_distribution.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace comfystream::diffusion {
namespace {

constexpr std::array<std::string_view, 7> kNames{"simple",       "sgm_uniform", "karras", "exponential",
                                                 "ddim_uniform", "beta",        "normal"};

/// torch.linspace in float: counted from the nearer end; a single value is the start.
std::vector<float> linspace(float start, float end, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count), start);
  if (count < 2) return values;
  const float step = (end - start) / static_cast<float>(count - 1);
  for (std::int64_t i = 0; i < count; ++i) {
    values[static_cast<std::size_t>(i)] =
        i < count / 2 ? start + step * static_cast<float>(i) : end - step * static_cast<float>(count - 1 - i);
  }
  return values;
}

/// Evenly spaced timesteps. `whole_range`: the last step is at the smallest sigma; otherwise at a step's distance from
/// it.
std::vector<float> uniform_timesteps(const ModelSampling& model, std::int64_t steps, bool whole_range) {
  const auto start = static_cast<float>(model.timestep(model.sigma_max()));
  const auto end = static_cast<float>(model.timestep(model.sigma_min()));
  auto timesteps = linspace(start, end, whole_range ? steps : steps + 1);
  timesteps.resize(static_cast<std::size_t>(steps));
  for (float& value : timesteps) value = model.sigma(value);
  return timesteps;
}

/// Karras et al. 2022, equation 5, with rho = 7.
std::vector<float> karras(const ModelSampling& model, std::int64_t steps) {
  constexpr double kRho = 7.0;
  const double least = std::pow(static_cast<double>(model.sigma_min()), 1.0 / kRho);
  const double most = std::pow(static_cast<double>(model.sigma_max()), 1.0 / kRho);
  auto sigmas = linspace(0.0F, 1.0F, steps);
  for (float& value : sigmas) {
    const float root = static_cast<float>(most) + value * static_cast<float>(least - most);
    value = std::pow(root, static_cast<float>(kRho));
  }
  return sigmas;
}

std::vector<float> exponential(const ModelSampling& model, std::int64_t steps) {
  const double most = std::log(static_cast<double>(model.sigma_max()));
  const double least = std::log(static_cast<double>(model.sigma_min()));
  auto sigmas = linspace(static_cast<float>(most), static_cast<float>(least), steps);
  for (float& value : sigmas) value = std::exp(value);
  return sigmas;
}

std::vector<float> simple(const ModelSampling& model, std::int64_t steps) {
  const auto& trained = model.sigmas();
  const double stride = static_cast<double>(trained.size()) / static_cast<double>(steps);
  std::vector<float> sigmas;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto from_end = static_cast<std::size_t>(static_cast<double>(i) * stride);
    sigmas.push_back(trained[trained.size() - 1 - from_end]);
  }
  return sigmas;
}

/// Every stride-th trained sigma from the second on: more than `steps` where 1000 is no multiple of them.
std::vector<float> ddim_uniform(const ModelSampling& model, std::int64_t steps) {
  const auto& trained = model.sigmas();
  const auto stride = std::max<std::size_t>(trained.size() / static_cast<std::size_t>(steps), 1);
  std::vector<float> sigmas;
  for (std::size_t i = 1; i < trained.size(); i += stride) sigmas.push_back(trained[i]);
  std::ranges::reverse(sigmas);
  return sigmas;
}

/// Beta(0.6, 0.6) quantiles (Lee et al. 2024, arXiv 2407.12173): more steps at both ends. Equal neighbours are dropped.
std::vector<float> beta(const ModelSampling& model, std::int64_t steps) {
  constexpr double kShape = 0.6;
  const auto& trained = model.sigmas();
  const double step = 1.0 / static_cast<double>(steps);
  std::vector<float> sigmas;
  double last = -1.0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double quantile = beta_quantile(1.0 - static_cast<double>(i) * step, kShape, kShape);
    const double timestep = std::nearbyint(quantile * static_cast<double>(trained.size() - 1));
    if (timestep != last) sigmas.push_back(trained[static_cast<std::size_t>(timestep)]);
    last = timestep;
  }
  return sigmas;
}

std::vector<float> without_zero(const ModelSampling& model, Scheduler scheduler, std::int64_t steps) {
  switch (scheduler) {
    case Scheduler::kSimple:
      return simple(model, steps);
    case Scheduler::kSgmUniform:
      return uniform_timesteps(model, steps, false);
    case Scheduler::kKarras:
      return karras(model, steps);
    case Scheduler::kExponential:
      return exponential(model, steps);
    case Scheduler::kDdimUniform:
      return ddim_uniform(model, steps);
    case Scheduler::kBeta:
      return beta(model, steps);
    case Scheduler::kNormal:
      return uniform_timesteps(model, steps, true);
  }
  throw Error(ErrorCode::kInternal, "a scheduler that is none");
}

}  // namespace

std::span<const std::string_view> scheduler_names() noexcept { return kNames; }

Scheduler parse_scheduler(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<Scheduler>(found - kNames.begin());
  std::string known;
  for (const auto& each : kNames) known += (known.empty() ? "" : ", ") + std::string(each);
  throw Error(ErrorCode::kUnsupported, "scheduler '" + std::string(name) + "' is not available", "use one of " + known);
}

std::vector<float> make_sigmas(const ModelSampling& model, Scheduler scheduler, std::int64_t steps) {
  if (steps < 1) {
    throw Error(ErrorCode::kInvalidArgument, "a schedule of " + std::to_string(steps) + " steps", "use 1 or more");
  }
  auto sigmas = without_zero(model, scheduler, steps);
  sigmas.push_back(0.0F);
  return sigmas;
}

std::vector<float> ksampler_sigmas(const ModelSampling& model, Scheduler scheduler, std::int64_t steps, double denoise,
                                   bool discard_penultimate) {
  const auto schedule = [&](std::int64_t count) {
    auto sigmas = make_sigmas(model, scheduler, count + (discard_penultimate ? 1 : 0));
    if (discard_penultimate) sigmas.erase(sigmas.end() - 2);
    return sigmas;
  };
  constexpr double kWhole = 0.9999;
  if (denoise > kWhole) return schedule(steps);
  if (denoise <= 0.0) return {};
  auto sigmas = schedule(static_cast<std::int64_t>(static_cast<double>(steps) / denoise));
  const auto kept = std::min(sigmas.size(), static_cast<std::size_t>(steps) + 1);
  sigmas.erase(sigmas.begin(), sigmas.end() - static_cast<std::ptrdiff_t>(kept));
  return sigmas;
}

}  // namespace comfystream::diffusion
