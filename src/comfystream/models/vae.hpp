// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <memory>

namespace comfystream::models {

/// Between pictures and latents. Pictures are [N, 3, H, W] in 0..1, latents [N, 4, H/8, W/8] as the sampler sees them
/// (already multiplied by SD 1.x's 0.18215), so that callers never touch a scale factor.
class Vae {
 public:
  virtual ~Vae() = default;
  virtual graph::Value decode(graph::Builder& builder, graph::Value latent) const = 0;
  /// KL VAEs: see autoencoder_kl.cpp for how the posterior is taken.
  virtual graph::Value encode(graph::Builder& builder, graph::Value picture) const = 0;
  /// Pixels per latent element along one side: 8, or 1 for pixel_space.
  [[nodiscard]] virtual std::int64_t downscale() const = 0;
};

/// LDM or diffusers keys, with or without "first_stage_model.".
[[nodiscard]] std::unique_ptr<Vae> make_autoencoder_kl(const weights::WeightMap& weights);
/// Encoder and decoder halves in either TAESD layout (`taesd_encoder`/`taesd_decoder` files, or diffusers'
/// AutoencoderTiny in one map: pass it as both). A half that is empty makes the call for it an Error.
[[nodiscard]] std::unique_ptr<Vae> make_autoencoder_tiny(const weights::WeightMap& encoder,
                                                         const weights::WeightMap& decoder);

}  // namespace comfystream::models
