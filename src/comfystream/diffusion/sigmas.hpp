// SPDX-License-Identifier: Apache-2.0
// The noise levels that a sampler walks through: ComfyUI's schedulers.
#pragma once

#include "comfystream/diffusion/model_sampling.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace comfystream::diffusion {

enum class Scheduler : std::uint8_t { kSimple, kSgmUniform, kKarras, kExponential, kDdimUniform, kBeta, kNormal };

/// The names that parse_scheduler() takes, ComfyUI's, in its order.
[[nodiscard]] std::span<const std::string_view> scheduler_names() noexcept;
/// Error(kUnsupported) lists the known names.
[[nodiscard]] Scheduler parse_scheduler(std::string_view name);

/// Descending sigmas that end with 0, for denoising from pure noise. Mostly steps + 1 of them, but ddim_uniform may
/// have more and beta fewer, as in ComfyUI. `steps` is at least 1, or Error.
[[nodiscard]] std::vector<float> make_sigmas(const ModelSampling& model, Scheduler scheduler, std::int64_t steps);

/// KSampler's sigmas: with `denoise` below 1 the last steps + 1 of a schedule of steps / denoise steps, so that
/// sampling starts from less noise; empty when `denoise` is 0 or less (the latent passes unchanged).
/// `discard_penultimate`: for samplers that end one step earlier (ComfyUI's dpm_2, uni_pc families; none of ours).
[[nodiscard]] std::vector<float> ksampler_sigmas(const ModelSampling& model, Scheduler scheduler, std::int64_t steps,
                                                 double denoise, bool discard_penultimate = false);

}  // namespace comfystream::diffusion
