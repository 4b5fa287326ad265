// SPDX-License-Identifier: Apache-2.0
// The batch workflow at its full size with synthetic weights: Depth Anything V2 L, ControlNet, SD 1.5's UNet, one step
// at cfg 1, TAESD, 512x512, uint8 frames in and out; and its networks alone.
#pragma once

#include "comfystream/models/depth_map.hpp"
#include "comfystream/models/synth/gains.hpp"
#include "tests/support/synth_networks.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace comfystream::benchmarks {

using graph::Builder;
using graph::Dim;
using graph::kBatch;
using graph::SymShape;
using graph::Value;

inline constexpr std::int64_t kSide = 512;
inline constexpr float kSigma = 14.614643F;  ///< SD 1.x's first noise level, timestep 999

struct Networks {
  std::unique_ptr<models::UNet> unet;
  std::unique_ptr<models::ControlNet> control;
  std::unique_ptr<models::Vae> vae;
  std::unique_ptr<models::DepthAnything> depth;
};

enum class Gains : std::uint8_t {
  kEqual,  ///< every tensor of the same spread: time does not depend on more
  kHeard,  ///< those of `comfystream models synth`, whose depth, prompt and control are seen in the picture
};

inline weights::WeightMap make_weights(const weights::TensorSpecs& specs, synth::Part part, Gains gains) {
  if (gains == Gains::kEqual) return tests::synth_weights(specs, DType::kF16, "weights");
  weights::WeightMap map("weights");
  for (const weights::TensorSpec& spec : specs) {
    Tensor value(DType::kF32, spec.shape);
    synth::fill_part_values(part, spec.name, spec.shape, 0, 0, value.mutable_values<float>());
    map.insert(spec.name, value.cast(DType::kF16));
  }
  return map;
}

/// Half-precision weights; `arch` "sd15" or "sd15-tiny", `depth_arch` as presets.hpp has them.
inline Networks make_networks(std::string_view arch, std::string_view depth_arch, Gains gains = Gains::kEqual) {
  using synth::Part;
  const auto dims = weights::stable_diffusion_dims(arch);
  Networks nets;
  const std::jthread unet([&] {
    nets.unet = std::make_unique<models::UNet>(make_weights(weights::unet_tensors(dims.unet), Part::kUNet, gains));
  });
  const std::jthread control([&] {
    nets.control = std::make_unique<models::ControlNet>(
        make_weights(weights::controlnet_tensors(dims.unet, dims.hint), Part::kControlNet, gains));
  });
  const std::jthread depth([&] {
    const auto specs = weights::depth_anything_tensors(weights::depth_anything_dims(depth_arch));
    nets.depth = std::make_unique<models::DepthAnything>(make_weights(specs, Part::kDepth, gains),
                                                         models::DepthAnythingVersion::kV2);
  });
  nets.vae = models::make_autoencoder_tiny(
      make_weights(weights::taesd_encoder_tensors(dims.taesd), Part::kTaesdEncoder, gains),
      make_weights(weights::taesd_decoder_tensors(dims.taesd), Part::kTaesdDecoder, gains));
  return nets;
}

inline constexpr std::int64_t kContextWidth = 768;

/// What conditions a frame: a value of its own for each frame, or one that all share and that may change between
/// batches.
struct Conditions {
  Value timestep, context, noise;
};
inline Conditions make_conditions(Builder& b, bool of_frames, std::int64_t side, std::int64_t context_width) {
  const Shape noise{1, 4, side / 8, side / 8};
  const Shape context{1, 77, context_width};
  if (of_frames) {
    return {b.input("timestep", DType::kF32, {kBatch}), b.input("context", DType::kF32, {kBatch, 77, context_width}),
            b.input("noise", DType::kF32, {kBatch, 4, side / 8, side / 8})};
  }
  const auto value = [&](const char* name, const Shape& shape, float gain) {
    return b.parameter(name, SymShape(shape),
                       weights::synth_tensor(name, shape, weights::SynthKind::kEmbedding, 2, gain));
  };
  return {b.parameter("timestep", SymShape{1}, Tensor::from<float>({1}, {999.0F})), value("context", context, 1.0F),
          value("noise", noise, 2.0F)};
}

/// uint8 frames [N, side, side, 3] -> uint8 frames. `whole_work`: noise, prompt and timestep are inputs of each frame,
/// so that every batch computes everything; else they are parameters.
inline graph::Graph workflow_graph(const Networks& nets, bool whole_work, std::int64_t side = kSide,
                                   std::int64_t context_width = kContextWidth, std::int64_t engine_side = 518) {
  Builder b;
  const Value frames = b.input("frames", DType::kU8, {kBatch, side, side, 3});
  const Conditions given = make_conditions(b, whole_work, side, context_width);
  const Value images = b.mul(b.cast(frames, DType::kF32), 1.0F / 255.0F);
  std::optional<Value> hint;
  {
    const auto scope = b.scope("depth");
    const Value map =
        models::trace_depth_map(b, *nets.depth, images, {.engine_height = engine_side, .engine_width = engine_side});
    hint = b.transpose(map, {0, 3, 1, 2});
  }
  const Value x = b.mul(given.noise, std::sqrt(1.0F + kSigma * kSigma));
  const Value scaled = b.mul(x, 1.0F / std::sqrt(kSigma * kSigma + 1.0F));
  std::optional<models::ControlResiduals> residuals;
  {
    const auto scope = b.scope("control");
    residuals = nets.control->trace(b, scaled, *hint, given.timestep, given.context);
  }
  std::optional<Value> eps;
  {
    const auto scope = b.scope("unet");
    eps = nets.unet->trace(b, scaled, given.timestep, given.context, &*residuals);
  }
  const auto scope = b.scope("decode");
  const Value picture = nets.vae->decode(b, b.sub(x, b.mul(*eps, kSigma)));
  const Value bytes = b.cast(b.add(b.mul(picture, 255.0F), 0.5F), DType::kU8);
  b.output("frames", b.transpose(bytes, {0, 2, 3, 1}));
  return b.take();
}

inline constexpr float kLowSigma = 0.34614F;  ///< SD 1.x's noise level at timestep 100
inline constexpr float kLowTimestep = 100.0F;

/// uint8 frames [N, side, side, 3] -> uint8 frames that keep most of them: encoded, a little noise added, one step with
/// the frames' own depth as hint, decoded.
inline graph::Graph image_to_image_graph(const Networks& nets, std::int64_t side = kSide,
                                         std::int64_t context_width = kContextWidth, std::int64_t engine_side = 518) {
  Builder b;
  const Value frames = b.input("frames", DType::kU8, {kBatch, side, side, 3});
  const Conditions given = make_conditions(b, false, side, context_width);
  const Value timestep = b.parameter("low_timestep", SymShape{1}, Tensor::from<float>({1}, {kLowTimestep}));
  const Value images = b.mul(b.cast(frames, DType::kF32), 1.0F / 255.0F);
  const Value map =
      models::trace_depth_map(b, *nets.depth, images, {.engine_height = engine_side, .engine_width = engine_side});
  const Value latent = nets.vae->encode(b, b.transpose(images, {0, 3, 1, 2}));
  const Value x = b.add(latent, b.mul(given.noise, kLowSigma));
  const Value scaled = b.mul(x, 1.0F / std::sqrt(kLowSigma * kLowSigma + 1.0F));
  const auto residuals = nets.control->trace(b, scaled, b.transpose(map, {0, 3, 1, 2}), timestep, given.context);
  const Value eps = nets.unet->trace(b, scaled, timestep, given.context, &residuals);
  const Value picture = nets.vae->decode(b, b.sub(x, b.mul(eps, kLowSigma)));
  const Value bytes = b.cast(b.add(b.mul(picture, 255.0F), 0.5F), DType::kU8);
  b.output("frames", b.transpose(bytes, {0, 2, 3, 1}));
  return b.take();
}

/// "unet", "control", "taesd", "depth" alone, on inputs of frames.
inline graph::Graph network_graph(const Networks& nets, const std::string& name) {
  Builder b;
  const auto scope = b.scope(name);
  const std::int64_t latent = kSide / 8;
  if (name == "depth") {
    b.output("depth", nets.depth->trace(b, b.input("picture", DType::kF32, {kBatch, 3, 518, 518})));
  } else if (name == "taesd") {
    b.output("picture", nets.vae->decode(b, b.input("latent", DType::kF32, {kBatch, 4, latent, latent})));
  } else {
    const Conditions given = make_conditions(b, true, kSide, kContextWidth);
    if (name == "control") {
      const Value hint = b.input("hint", DType::kF32, {kBatch, 3, kSide, kSide});
      const auto residuals = nets.control->trace(b, given.noise, hint, given.timestep, given.context);
      for (std::size_t i = 0; i < residuals.skips.size(); ++i) b.output("skip" + std::to_string(i), residuals.skips[i]);
      b.output("middle", *residuals.middle);
    } else {
      b.output("eps", nets.unet->trace(b, given.noise, given.timestep, given.context, nullptr));
    }
  }
  return b.take();
}

/// A deterministic input: bytes of a slow pattern with noise, floats of unit scale, timesteps of 999.
inline Tensor input_value(const graph::Node& node, std::int64_t batch) {
  const Shape shape = node.type.shape.at(batch);
  if (node.name == "timestep") {
    Tensor value(DType::kF32, shape);
    for (float& t : value.mutable_values<float>()) t = 999.0F;
    return value;
  }
  if (node.type.dtype != DType::kU8) {
    const bool picture = node.name == "hint" || node.name == "picture";
    Tensor value = weights::synth_tensor(node.name, shape, weights::SynthKind::kEmbedding, 7, picture ? 0.3F : 2.0F);
    if (picture) {
      for (float& v : value.mutable_values<float>()) v = std::min(std::max(v + 0.5F, 0.0F), 1.0F);
    }
    return value;
  }
  Tensor value(DType::kU8, shape);
  std::uint32_t state = 12345;
  std::size_t at = 0;
  for (std::byte& byte : value.mutable_bytes()) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>((at++ / 1531 % 224) + (state >> 27U));
  }
  return value;
}

}  // namespace comfystream::benchmarks
