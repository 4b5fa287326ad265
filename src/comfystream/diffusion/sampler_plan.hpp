// SPDX-License-Identifier: Apache-2.0
// Samplers as tables of numbers: what ComfyUI's samplers do at each network evaluation, computed before anything runs.
#pragma once

#include "comfystream/diffusion/model_sampling.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace comfystream::diffusion {

enum class Sampler : std::uint8_t { kEuler, kEulerAncestral, kHeun, kDpmpp2m, kLcm, kDdim };

/// The names that parse_sampler() takes, ComfyUI's, in its order.
[[nodiscard]] std::span<const std::string_view> sampler_names() noexcept;
/// Error(kUnsupported) lists the known names.
[[nodiscard]] Sampler parse_sampler(std::string_view name);

/// One evaluation of the network and the arithmetic after it. With x the noisy latent, m a second latent that some
/// samplers carry along (dpmpp_2m: the last denoised latent; heun: the half step), z fresh noise, and
/// eps = network(input_scale * x, timestep):
///   next x = x_gain * x + eps_gain * eps + memory_gain * m + noise_gain * z
///   next m = memory_x_gain * x + memory_eps_gain * eps
/// A sampler's step is one stage, heun's two (but its last).
struct Stage {
  float sigma = 0.0F;        ///< noise level of x
  float timestep = 0.0F;     ///< what the network is told
  float input_scale = 1.0F;  ///< 1 / sqrt(sigma^2 + 1)
  float x_gain = 1.0F;
  float eps_gain = 0.0F;
  float memory_gain = 0.0F;
  float noise_gain = 0.0F;
  float memory_x_gain = 0.0F;
  float memory_eps_gain = 0.0F;
};

struct SamplerPlan {
  /// The first x is noise_scale * noise + latent.
  float noise_scale = 0.0F;
  /// Empty (denoise 0): the latent is the result.
  std::vector<Stage> stages;

  [[nodiscard]] bool uses_memory() const noexcept;
  [[nodiscard]] bool uses_step_noise() const noexcept;
};

/// The plan of `sampler` over descending `sigmas` that end with 0 (ksampler_sigmas()). Sigmas at the top of the trained
/// range start from noise of the whole variance (sqrt(1 + sigma^2)), as ComfyUI's max_denoise does.
[[nodiscard]] SamplerPlan plan_sampler(const ModelSampling& model, Sampler sampler, std::span<const float> sigmas);

/// The fresh noise of every stage, [stages, ...latent], from PyTorch's CPU generator seeded seed + 1 as in ComfyUI: one
/// draw of the latent's shape per stage that adds noise, zeros for the others. `latent` is [1, 4, h, w]: all slots
/// share it.
[[nodiscard]] Tensor make_step_noise(const SamplerPlan& plan, std::uint64_t seed, const Shape& latent);

/// When a ControlNet takes part: sigmas from `start` down to `end`, both included.
struct SigmaRange {
  double start = 999999999.9;
  double end = 0.0;
  /// Compared in float, as ComfyUI compares with a float tensor.
  [[nodiscard]] bool contains(float sigma) const noexcept {
    return sigma <= static_cast<float>(start) && sigma >= static_cast<float>(end);
  }
};

}  // namespace comfystream::diffusion
