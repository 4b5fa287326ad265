// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/sampler_plan.hpp"

#include "comfystream/diffusion/noise.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace comfystream::diffusion {
namespace {

constexpr std::array<std::string_view, 6> kNames{"euler", "euler_ancestral", "heun", "dpmpp_2m", "lcm", "ddim"};

/// ComfyUI's test of "from pure noise": the first sigma is the largest trained one, or above.
bool starts_from_noise(const ModelSampling& model, float sigma) {
  constexpr float kRelative = 1e-5F;
  const float largest = model.sigma_max();
  return sigma > largest || std::abs(sigma - largest) <= kRelative * std::max(sigma, largest);
}

Stage evaluation_at(const ModelSampling& model, float sigma) {
  Stage stage;
  stage.sigma = sigma;
  stage.timestep = static_cast<float>(model.timestep(sigma));
  stage.input_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(sigma) * sigma + 1.0));
  return stage;
}

/// x + (next - sigma) * eps: (x - denoised) / sigma is eps itself.
void euler_step(Stage& stage, float next) { stage.eps_gain = next - stage.sigma; }

/// Ancestral step with eta 1: down to sigma_down, then noise of sigma_up back to `next`. In float, as ComfyUI computes
/// it: when next is tiny beside sigma, sigma_down rounds to 0 and the step is a plain denoising without noise.
void ancestral_step(Stage& stage, float next) {
  const float from = stage.sigma * stage.sigma;
  const float to = next * next;
  const float up = std::min(next, std::sqrt(to * std::max(from - to, 0.0F) / from));
  const float down = std::sqrt(to - up * up);
  euler_step(stage, down);
  if (down > 0.0F) stage.noise_gain = up;
}

/// Denoise wholly, then noise of the next level on top.
void lcm_step(Stage& stage, float next) {
  euler_step(stage, 0.0F);
  stage.noise_gain = next;
}

/// DPM-Solver++(2M), Lu et al. 2022, algorithm 2. In terms of ratio = next / sigma: x' = ratio x + (1 - ratio) d with
/// d = (1 + w) denoised - w * last denoised, w = h / (2 h_last) for steps h in log sigma; w = 0 in the first and last
/// step.
void dpmpp_2m_step(Stage& stage, float next, const Stage* before) {
  const double sigma = stage.sigma;
  const double ratio = next / sigma;
  double weight = 0.0;
  // Schedules of more steps than the 1000 trained levels repeat a sigma: no slope to be had from such a step.
  if (before != nullptr && before->sigma > stage.sigma && next > 0.0F) {
    weight = std::log(sigma / next) / (2.0 * std::log(static_cast<double>(before->sigma) / sigma));
  }
  const double denoised = (1.0 - ratio) * (1.0 + weight);
  stage.x_gain = static_cast<float>(ratio + denoised);
  stage.eps_gain = static_cast<float>(-denoised * sigma);
  stage.memory_gain = static_cast<float>(-(1.0 - ratio) * weight);
  stage.memory_x_gain = 1.0F;
  stage.memory_eps_gain = -stage.sigma;
}

/// Heun's step is an Euler step to x2 that keeps the half step m = x + dt/2 eps, then x' = m + dt/2 eps(x2).
void add_heun_step(const ModelSampling& model, Stage stage, float next, std::vector<Stage>& stages) {
  euler_step(stage, next);
  if (next > 0.0F) {
    const float half = 0.5F * stage.eps_gain;
    stage.memory_x_gain = 1.0F;
    stage.memory_eps_gain = half;
    stages.push_back(stage);
    stage = evaluation_at(model, next);
    stage.x_gain = 0.0F;
    stage.eps_gain = half;
    stage.memory_gain = 1.0F;
  }
  stages.push_back(stage);
}

void add_step(const ModelSampling& model, Sampler sampler, float sigma, float next, std::vector<Stage>& stages) {
  Stage stage = evaluation_at(model, sigma);
  switch (sampler) {
    case Sampler::kEuler:
    case Sampler::kDdim:  // euler; they differ only in how inpainting mixes noise in
      euler_step(stage, next);
      break;
    case Sampler::kEulerAncestral:
      ancestral_step(stage, next);
      break;
    case Sampler::kLcm:
      lcm_step(stage, next);
      break;
    case Sampler::kDpmpp2m:
      dpmpp_2m_step(stage, next, stages.empty() ? nullptr : &stages.back());
      break;
    case Sampler::kHeun:
      add_heun_step(model, stage, next, stages);
      return;
  }
  stages.push_back(stage);
}

}  // namespace

std::span<const std::string_view> sampler_names() noexcept { return kNames; }

Sampler parse_sampler(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<Sampler>(found - kNames.begin());
  std::string known;
  for (const auto& each : kNames) known += (known.empty() ? "" : ", ") + std::string(each);
  throw Error(ErrorCode::kUnsupported, "sampler '" + std::string(name) + "' is not available", "use one of " + known);
}

bool SamplerPlan::uses_memory() const noexcept {
  return std::ranges::any_of(stages, [](const Stage& stage) { return stage.memory_gain != 0.0F; });
}

bool SamplerPlan::uses_step_noise() const noexcept {
  return std::ranges::any_of(stages, [](const Stage& stage) { return stage.noise_gain != 0.0F; });
}

SamplerPlan plan_sampler(const ModelSampling& model, Sampler sampler, std::span<const float> sigmas) {
  SamplerPlan plan;
  if (sigmas.size() < 2) return plan;
  for (const float sigma : sigmas.first(sigmas.size() - 1)) {
    if (!(sigma > 0.0F)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "only the last sigma may be 0, but one before it is " + std::to_string(sigma));
    }
  }
  const float first = sigmas.front();
  plan.noise_scale = starts_from_noise(model, first) ? std::sqrt(1.0F + first * first) : first;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) add_step(model, sampler, sigmas[i], sigmas[i + 1], plan.stages);
  return plan;
}

Tensor make_step_noise(const SamplerPlan& plan, std::uint64_t seed, const Shape& latent) {
  auto dims = latent.dims();
  dims.insert(dims.begin(), static_cast<std::int64_t>(plan.stages.size()));
  Tensor noise(DType::kF32, Shape(std::move(dims)));
  const auto row = static_cast<std::size_t>(latent.elements());
  const auto values = noise.mutable_values<float>();
  TorchGenerator generator(seed + 1);
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    if (plan.stages[i].noise_gain != 0.0F) generator.fill_normal(values.subspan(i * row, row));
  }
  return noise;
}

}  // namespace comfystream::diffusion
