// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/diffusion/sampler_plan.hpp"
#include "comfystream/graph/builder.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace comfystream::diffusion {

/// One evaluation of the network that a sampler asks for.
struct DenoiseCall {
  graph::Value x;         ///< [B, 4, h, w], already scaled for the network
  graph::Value timestep;  ///< f32 [1]
  /// SamplerInputs::captures as the graph being built knows them: the only values of the surrounding graph to be used.
  std::span<const graph::Value> captures;
  /// One per SamplerInputs::ranges: does it hold the sigma of this evaluation?
  std::span<const std::uint8_t> active;
};

/// Traces the network's eps for `call` into the builder given: the surrounding graph's own, or that of a loop's body,
/// where values made outside do not exist except through `captures`. Constants are made where they are used. Called
/// once per stretch of the plan, more often where shapes are still being found out, so it must not count its calls. The
/// result has x's shape, or x's with the leading 1 repeated to N.
using DenoiseFn = std::function<graph::Value(graph::Builder&, const DenoiseCall&)>;

struct SamplerInputs {
  graph::Value noise;                      ///< [1 or N, 4, h, w] normal noise of the seed
  std::optional<graph::Value> latent;      ///< [1 or N, 4, h, w]; nothing means all zeros (an empty latent)
  std::optional<graph::Value> step_noise;  ///< make_step_noise()'s tensor; needed when the plan uses it
  std::vector<graph::Value> captures;      ///< what the denoiser reads of the surrounding graph
  std::vector<SigmaRange> ranges;          ///< when each of the denoiser's controls takes part
  std::string body_scope;                  ///< scope of the nodes in loop bodies, which do not see the builder's
};

/// Evaluations that are traced one after the other; longer plans are loops.
inline constexpr std::size_t kMostUnrolledStages = 4;

/// Samples from the plan's first x down to the last sigma: the denoised latent, [1 or N, 4, h, w].
///
/// Plans of up to `most_unrolled` evaluations are unrolled, and everything about them is constant. Longer ones become a
/// graph::Builder::loop() per stretch of evaluations in which the same ranges are active (so that an inactive
/// ControlNet costs nothing), the network compiled once for each, with the plan's numbers as the loop's tables; a
/// stretch of a single evaluation stays outside loops. Both forms compute the same. Throws Error when step noise is
/// needed and missing.
[[nodiscard]] graph::Value trace_sampler(graph::Builder& builder, const SamplerPlan& plan, const SamplerInputs& inputs,
                                         const DenoiseFn& denoise, std::size_t most_unrolled = kMostUnrolledStages);

}  // namespace comfystream::diffusion
