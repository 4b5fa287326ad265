// SPDX-License-Identifier: Apache-2.0
// The workflow that synthetic weights are made for, traced by hand: frames through depth, ControlNet, sampler and VAE.
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/diffusion/model_sampling.hpp"
#include "comfystream/diffusion/noise.hpp"
#include "comfystream/diffusion/sigmas.hpp"
#include "comfystream/diffusion/trace_sampler.hpp"
#include "comfystream/models/clip_text.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/depth_map.hpp"
#include "comfystream/models/synth/model_files.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/vae.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace comfystream::tests {

/// The files of a folder that synth::synth_models() wrote for `arch`.
struct SynthModels {
  weights::WeightMap clip;
  models::UNet unet;
  models::ControlNet control;
  models::DepthAnything depth;
  std::unique_ptr<models::Vae> taesd;
  std::unique_ptr<models::Vae> kl;

  SynthModels(const std::filesystem::path& folder, const std::string& arch)
      : clip(weights::load_weights(folder / "clip/CLIPText/model.fp16.safetensors")),
        unet(weights::load_weights(folder / ("unet/" + arch + ".safetensors"))),
        control(weights::load_weights(folder / "controlnet/control_v11f1p_sd15_depth_fp16.safetensors")),
        depth(weights::load_weights(folder / "tensorrt/depth-anything/depth_anything_v2_vitl-fp16.engine")),
        taesd(models::make_autoencoder_tiny(weights::load_weights(folder / "vae_approx/taesd_encoder.safetensors"),
                                            weights::load_weights(folder / "vae_approx/taesd_decoder.safetensors"))),
        kl(models::make_autoencoder_kl(weights::load_weights(folder / ("vae/" + arch + ".safetensors")))) {}
};

struct SynthSettings {
  std::int64_t steps = 1;
  double denoise = 1.0;  ///< below 1 the frame is encoded and noise added; 1 starts from an empty latent
  std::string sampler = "lcm";
  bool control = true;
  bool kl = false;
  std::int64_t depth_side = 56;
};

/// images f32 [N, H, W, 3] and parameter "context" -> pictures [N, 3, H, W].
inline graph::Graph synth_workflow(const SynthModels& models, const SynthSettings& settings, std::int64_t height,
                                   std::int64_t width, std::int64_t context_width) {
  graph::Builder builder;
  const auto images = builder.input("images", DType::kF32, {graph::kBatch, height, width, 3});
  const auto context =
      builder.parameter("context", {1, 77, context_width}, Tensor(DType::kF32, Shape{1, 77, context_width}));
  const auto picture = builder.transpose(images, {0, 3, 1, 2});
  const auto map = models::trace_depth_map(builder, models.depth, images,
                                           {.engine_height = settings.depth_side, .engine_width = settings.depth_side});
  const auto hint = builder.transpose(map, {0, 3, 1, 2});
  const models::Vae& vae = settings.kl ? *models.kl : *models.taesd;

  const diffusion::ModelSampling sampling;
  const auto sigmas =
      diffusion::ksampler_sigmas(sampling, diffusion::Scheduler::kNormal, settings.steps, settings.denoise);
  const auto plan = diffusion::plan_sampler(sampling, diffusion::parse_sampler(settings.sampler), sigmas);
  diffusion::SamplerInputs inputs;
  const Shape latent_shape{1, 4, height / 8, width / 8};
  inputs.noise = builder.constant(diffusion::torch_randn(905056445574169ULL, latent_shape), "noise");
  if (settings.denoise < 1.0) inputs.latent = vae.encode(builder, picture);
  if (plan.uses_step_noise()) {
    inputs.step_noise = builder.constant(diffusion::make_step_noise(plan, 905056445574169ULL, latent_shape), "steps");
  }
  inputs.captures = {hint, context};
  const auto denoise = [&](graph::Builder& inner, const diffusion::DenoiseCall& call) {
    models::ControlResiduals control;
    if (settings.control) {
      control = models.control.trace(inner, call.x, call.captures[0], call.timestep, call.captures[1]);
    }
    return models.unet.trace(inner, call.x, call.timestep, call.captures[1], settings.control ? &control : nullptr);
  };
  builder.output("picture", vae.decode(builder, diffusion::trace_sampler(builder, plan, inputs, denoise)));
  return builder.take();
}

/// Encodes 77 tokens.
inline Tensor synth_context(backend::Backend& backend, const weights::WeightMap& clip,
                            const std::vector<std::int32_t>& tokens) {
  const models::ClipText text(clip);
  graph::Builder builder;
  const auto ids = builder.parameter("tokens", {1, 77}, Tensor::from<std::int32_t>({1, 77}, tokens));
  builder.output("context", text.trace(builder, ids));
  const graph::Graph graph = builder.take();
  return backend::run_once(*backend.compile(graph, {}), graph, {}, 1).front();
}

/// Peak signal to noise ratio of values in 0..1, in dB.
inline double psnr(const Tensor& a, const Tensor& b) {
  const auto x = a.values<float>();
  const auto y = b.values<float>();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += (x[i] - y[i]) * static_cast<double>(x[i] - y[i]);
  return -10 * std::log10(sum / static_cast<double>(x.size()));
}

}  // namespace comfystream::tests
