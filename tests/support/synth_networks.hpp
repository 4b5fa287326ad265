// SPDX-License-Identifier: Apache-2.0
// Whole networks with deterministic random weights, by name: for comparing backends and for benchmarks.
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/depth_anything.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/vae.hpp"
#include "comfystream/models/weights/architectures/presets.hpp"
#include "comfystream/models/weights/synth_values.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace comfystream::tests {

inline weights::WeightMap synth_weights(const weights::TensorSpecs& specs, DType dtype, const std::string& origin) {
  weights::WeightMap map(origin);
  for (const weights::TensorSpec& spec : specs) {
    const auto kind = weights::guess_synth_kind(spec.name, spec.shape);
    const Tensor value = weights::synth_tensor(spec.name, spec.shape, kind, 1);
    map.insert(spec.name, dtype == DType::kF32 ? value : value.cast(dtype));
  }
  return map;
}

/// Inputs: latent [N, 4, side, side] and, with control, hint [N, 3, 8 side, 8 side]; parameters: timestep, context.
inline graph::Graph synth_unet(std::string_view arch, std::int64_t side, DType dtype, bool with_control) {
  const auto dims = weights::stable_diffusion_dims(arch);
  const models::UNet unet(synth_weights(weights::unet_tensors(dims.unet), dtype, "unet.safetensors"));
  graph::Builder builder;
  const auto latent = builder.input("latent", DType::kF32, graph::SymShape{graph::kBatch, 4, side, side});
  const auto timestep = builder.parameter("timestep", graph::SymShape{1}, Tensor::from<float>({1}, {499.0F}));
  const Shape context_shape{1, 77, dims.unet.context_dim};
  const auto context =
      builder.parameter("context", graph::SymShape(context_shape),
                        weights::synth_tensor("context", context_shape, weights::SynthKind::kEmbedding, 2));
  const auto scope = builder.scope("KSampler#1/unet");
  models::ControlResiduals control;
  if (with_control) {
    const models::ControlNet net(
        synth_weights(weights::controlnet_tensors(dims.unet, dims.hint), dtype, "controlnet.safetensors"));
    const auto hint = builder.input("hint", DType::kF32, graph::SymShape{graph::kBatch, 3, 8 * side, 8 * side});
    control = net.trace(builder, latent, hint, timestep, context);
  }
  builder.output("eps", unet.trace(builder, latent, timestep, context, with_control ? &control : nullptr));
  return builder.take();
}

/// latent [N, 4, side, side] -> picture [N, 3, 8 side, 8 side]
inline graph::Graph synth_decoder(bool tiny, std::string_view arch, std::int64_t side, DType dtype) {
  const auto dims = weights::stable_diffusion_dims(arch);
  const auto vae =
      tiny ? models::make_autoencoder_tiny(synth_weights(weights::taesd_encoder_tensors(dims.taesd), dtype, "e"),
                                           synth_weights(weights::taesd_decoder_tensors(dims.taesd), dtype, "d"))
           : models::make_autoencoder_kl(synth_weights(weights::autoencoder_kl_tensors(dims.vae), dtype, "vae"));
  graph::Builder builder;
  const auto latent = builder.input("latent", DType::kF32, graph::SymShape{graph::kBatch, 4, side, side});
  const auto scope = builder.scope("VAEDecode#2");
  builder.output("picture", vae->decode(builder, latent));
  return builder.take();
}

/// picture [N, 3, 8 side, 8 side] -> latent [N, 4, side, side]
inline graph::Graph synth_encoder(std::string_view arch, std::int64_t side, DType dtype) {
  const auto dims = weights::stable_diffusion_dims(arch);
  const auto vae = models::make_autoencoder_kl(synth_weights(weights::autoencoder_kl_tensors(dims.vae), dtype, "vae"));
  graph::Builder builder;
  const auto picture = builder.input("picture", DType::kF32, graph::SymShape{graph::kBatch, 3, 8 * side, 8 * side});
  const auto scope = builder.scope("VAEEncode#2");
  builder.output("latent", vae->encode(builder, picture));
  return builder.take();
}

/// picture [N, 3, side, side] -> depth [N, 1, side, side]; side is a multiple of 14.
inline graph::Graph synth_depth(std::string_view arch, std::int64_t side, DType dtype) {
  const auto specs = weights::depth_anything_tensors(weights::depth_anything_dims(arch));
  const models::DepthAnything depth(synth_weights(specs, dtype, "depth.safetensors"),
                                    models::DepthAnythingVersion::kV2);
  graph::Builder builder;
  const auto picture = builder.input("picture", DType::kF32, graph::SymShape{graph::kBatch, 3, side, side});
  const auto scope = builder.scope("DepthAnything#3");
  builder.output("depth", depth.trace(builder, picture));
  return builder.take();
}

/// "unet", "unet+control", "taesd", "vae", "vae-encode" (of `arch`, latents `side` wide) or "depth" (pictures `side`
/// wide).
inline graph::Graph synth_network(std::string_view name, std::string_view arch, std::int64_t side, DType dtype) {
  if (name == "unet" || name == "unet+control") return synth_unet(arch, side, dtype, name == "unet+control");
  if (name == "taesd" || name == "vae") return synth_decoder(name == "taesd", arch, side, dtype);
  if (name == "vae-encode") return synth_encoder(arch, side, dtype);
  if (name == "depth") return synth_depth(arch, side, dtype);
  throw Error(ErrorCode::kInvalidArgument, "no network '" + std::string(name) + "'",
              "one of: unet, unet+control, taesd, vae, vae-encode, depth");
}

}  // namespace comfystream::tests
