// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

namespace comfystream::weights {

Checkpoint split_checkpoint(const WeightMap& weights) {
  constexpr std::string_view kClip = "cond_stage_model.transformer.";
  Checkpoint parts;
  parts.unet = weights.with_prefix_removed("model.diffusion_model.");
  parts.vae = weights.with_prefix_removed("first_stage_model.");
  if (has_prefix(weights, kClip)) parts.clip = to_clip_text_keys(weights);
  if (parts.unet.tensors().empty() && parts.vae.tensors().empty() && parts.clip.tensors().empty()) {
    throw_wrong_layout(weights, "an SD 1.x checkpoint",
                       {"model.diffusion_model.*", "first_stage_model.*", std::string(kClip) + "*"});
  }
  return parts;
}

}  // namespace comfystream::weights
