// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

namespace comfystream::weights {

WeightMap to_clip_text_keys(const WeightMap& weights) {
  WeightMap plain = without_prefix(weights, {"cond_stage_model.transformer.", "text_encoder.", "clip_l.transformer."});
  const std::string first = "embeddings.token_embedding.weight";
  if (plain.contains("text_model." + first)) return plain;
  if (!plain.contains(first)) throw_wrong_layout(weights, "a CLIP-L text encoder", {"text_model." + first, first});
  KeyMapper map(plain, "a CLIP-L text encoder");
  for (const char* part : {"embeddings.", "encoder.", "final_layer_norm."}) {
    map.subtree(part, std::string("text_model.") + part);
  }
  return map.take();
}

}  // namespace comfystream::weights
