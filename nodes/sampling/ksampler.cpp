// SPDX-License-Identifier: Apache-2.0
#include "nodes/sampling/ksampler.hpp"

#include "comfystream/diffusion/sampler_plan.hpp"
#include "comfystream/diffusion/sigmas.hpp"
#include "comfystream/diffusion/trace_sampler.hpp"
#include "nodes/sampling/denoiser.hpp"
#include "nodes/sampling/latent_noise.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

std::vector<std::string> names(std::span<const std::string_view> known) { return {known.begin(), known.end()}; }

diffusion::SamplerPlan make_plan(const NodeContext& context, const diffusion::ModelSampling& sampling) {
  const auto sampler = diffusion::parse_sampler(context.text("sampler_name"));
  const auto scheduler = diffusion::parse_scheduler(context.text("scheduler"));
  const auto sigmas =
      diffusion::ksampler_sigmas(sampling, scheduler, context.integer("steps"), context.number("denoise"));
  return diffusion::plan_sampler(sampling, sampler, sigmas);
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "KSampler";
  spec.display_name = "KSampler";
  spec.category = "sampling";
  spec.description = "Denoises the latents with the model, guided by the positive and the negative conditioning.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("model", "MODEL"),
                 workflow::int_input("seed", 0, 0, std::numeric_limits<std::uint64_t>::max()),
                 workflow::int_input("steps", 20, 1, 10000),
                 workflow::float_input("cfg", 8.0, 0.0, 100.0, 0.1, 0.01),
                 workflow::combo_input("sampler_name", names(diffusion::sampler_names())),
                 workflow::combo_input("scheduler", names(diffusion::scheduler_names())),
                 workflow::socket_input("positive", "CONDITIONING"),
                 workflow::socket_input("negative", "CONDITIONING"),
                 workflow::socket_input("latent_image", "LATENT"),
                 workflow::float_input("denoise", 1.0, 0.0, 1.0, 0.01)};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

}  // namespace

KSampler::KSampler() : SpecNode(make_spec()) {}

void KSampler::trace(NodeContext& context) const {
  auto latent = context.input<workflow::LatentValue>("latent_image");
  const diffusion::ModelSampling sampling;
  const diffusion::SamplerPlan plan = make_plan(context, sampling);
  if (plan.stages.empty()) {  // denoise 0
    context.set_output(0, std::move(latent));
    return;
  }
  auto& builder = context.builder();
  const Denoiser denoiser(context, latent, plan, sampling);
  const std::uint64_t seed = context.seed("seed");
  diffusion::SamplerInputs inputs;
  inputs.noise = trace_noise(context, latent, seed);
  inputs.latent = latent.samples;
  if (plan.uses_step_noise()) {
    const Shape shape{1, kLatentChannels, latent.height, latent.width};
    inputs.step_noise = context.live("step_noise", diffusion::make_step_noise(plan, seed, shape));
  }
  inputs.captures = denoiser.captures();
  inputs.ranges = denoiser.ranges();
  inputs.body_scope = context.scope_name();
  latent.samples = diffusion::trace_sampler(builder, plan, inputs, std::cref(denoiser));
  latent.rows = builder.shape(*latent.samples)[0];
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
