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
#include <map>
#include <optional>
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

/// The model files of a network: "unet", "controlnet", "encoder" and "decoder" (TAESD's), "vae" or "depth".
using NetworkWeights = std::map<std::string, weights::WeightMap>;

/// Networks by name: "unet", "unet+control", "taesd", "vae", "vae-encode" or "depth".
inline NetworkWeights synth_network_weights(std::string_view name, std::string_view arch, DType dtype) {
  NetworkWeights files;
  const auto add = [&](const std::string& file, const weights::TensorSpecs& specs) {
    files.emplace(file, synth_weights(specs, dtype, file + ".safetensors"));
  };
  if (name == "depth") {
    add("depth", weights::depth_anything_tensors(weights::depth_anything_dims(arch)));
    files.at("depth").set_metadata(models::kDepthVersionKey, "v2");
    return files;
  }
  const auto dims = weights::stable_diffusion_dims(arch);
  if (name == "unet" || name == "unet+control") add("unet", weights::unet_tensors(dims.unet));
  if (name == "unet+control") add("controlnet", weights::controlnet_tensors(dims.unet, dims.hint));
  if (name == "taesd") add("encoder", weights::taesd_encoder_tensors(dims.taesd));
  if (name == "taesd") add("decoder", weights::taesd_decoder_tensors(dims.taesd));
  if (name == "vae" || name == "vae-encode") add("vae", weights::autoencoder_kl_tensors(dims.vae));
  if (!files.empty()) return files;
  throw Error(ErrorCode::kInvalidArgument, "no network '" + std::string(name) + "'",
              "one of: unet, unet+control, taesd, vae, vae-encode, depth");
}

/// Inputs: latent [N, 4, side, side] and, with control, hint [N, 3, 8 side, 8 side]; parameters: timestep, context.
inline graph::Graph synth_unet(const NetworkWeights& files, std::int64_t side) {
  const models::UNet unet(files.at("unet"));
  graph::Builder builder;
  const auto latent = builder.input("latent", DType::kF32, graph::SymShape{graph::kBatch, 4, side, side});
  const auto timestep = builder.parameter("timestep", graph::SymShape{1}, Tensor::from<float>({1}, {499.0F}));
  const Shape context_shape{1, 77, unet.config().context_dim};
  const auto context =
      builder.parameter("context", graph::SymShape(context_shape),
                        weights::synth_tensor("context", context_shape, weights::SynthKind::kEmbedding, 2));
  const auto scope = builder.scope("KSampler#1/unet");
  std::optional<models::ControlResiduals> control;
  if (files.contains("controlnet")) {
    const models::ControlNet net(files.at("controlnet"));
    const auto hint = builder.input("hint", DType::kF32, graph::SymShape{graph::kBatch, 3, 8 * side, 8 * side});
    control = net.trace(builder, latent, hint, timestep, context);
  }
  builder.output("eps", unet.trace(builder, latent, timestep, context, control ? &*control : nullptr));
  return builder.take();
}

/// latent [N, 4, side, side] -> picture [N, 3, 8 side, 8 side]
inline graph::Graph synth_decoder(const NetworkWeights& files, std::int64_t side) {
  const auto vae = files.contains("vae") ? models::make_autoencoder_kl(files.at("vae"))
                                         : models::make_autoencoder_tiny(files.at("encoder"), files.at("decoder"));
  graph::Builder builder;
  const auto latent = builder.input("latent", DType::kF32, graph::SymShape{graph::kBatch, 4, side, side});
  const auto scope = builder.scope("VAEDecode#2");
  builder.output("picture", vae->decode(builder, latent));
  return builder.take();
}

/// picture [N, 3, 8 side, 8 side] -> latent [N, 4, side, side]
inline graph::Graph synth_encoder(const NetworkWeights& files, std::int64_t side) {
  const auto vae = models::make_autoencoder_kl(files.at("vae"));
  graph::Builder builder;
  const auto picture = builder.input("picture", DType::kF32, graph::SymShape{graph::kBatch, 3, 8 * side, 8 * side});
  const auto scope = builder.scope("VAEEncode#2");
  builder.output("latent", vae->encode(builder, picture));
  return builder.take();
}

/// picture [N, 3, side, side] -> depth [N, 1, side, side]; side is a multiple of 14.
inline graph::Graph synth_depth(const NetworkWeights& files, std::int64_t side) {
  const models::DepthAnything depth(files.at("depth"));
  graph::Builder builder;
  const auto picture = builder.input("picture", DType::kF32, graph::SymShape{graph::kBatch, 3, side, side});
  const auto scope = builder.scope("DepthAnything#3");
  builder.output("depth", depth.trace(builder, picture));
  return builder.take();
}

/// Latents are `side` wide, and so are the pictures of "depth".
inline graph::Graph synth_network(std::string_view name, const NetworkWeights& files, std::int64_t side) {
  if (name == "unet" || name == "unet+control") return synth_unet(files, side);
  if (name == "vae-encode") return synth_encoder(files, side);
  if (name == "depth") return synth_depth(files, side);
  return synth_decoder(files, side);
}

inline graph::Graph synth_network(std::string_view name, std::string_view arch, std::int64_t side, DType dtype) {
  return synth_network(name, synth_network_weights(name, arch, dtype), side);
}

}  // namespace comfystream::tests
