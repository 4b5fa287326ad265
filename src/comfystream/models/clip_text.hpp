// SPDX-License-Identifier: Apache-2.0
// CLIP-L's text encoder as ComfyUI runs it for SD 1.x (transformers' CLIPTextModel; LDM's cond_stage_model).
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

namespace comfystream::models {

struct ClipTextConfig {
  std::int64_t vocabulary = 49408;
  std::int64_t width = 768;
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t intermediate = 3072;
  std::int64_t positions = 77;
};

class ClipText {
 public:
  /// transformers keys (text_model....) or LDM's (cond_stage_model.transformer.text_model....).
  explicit ClipText(const weights::WeightMap& weights);
  [[nodiscard]] const ClipTextConfig& config() const noexcept { return config_; }

  /// tokens i32 [k, positions] -> [k, positions, width]: the output of layer `stop_at_layer` counted from the end (-1:
  /// the last), after the final layer norm. A number beyond the layers means the last one, as in ComfyUI; 0 and above
  /// are Errors.
  graph::Value trace(graph::Builder& builder, graph::Value tokens, std::int64_t stop_at_layer = -1) const;

 private:
  ClipTextConfig config_;
  weights::WeightMap weights_;  ///< transformers keys
};

/// A prompt's conditioning with ComfyUI's weights (comfy/sd1_clip.py, ClipTokenWeightEncoder): a token of weight w
/// other than 1 becomes (z - e) w + e, where e is its place in the encoding of the empty prompt. tokens i32 [k,
/// positions] and weights f32 [k, positions], as ClipTokenizer lays them out; both may be parameters -> [1, k *
/// positions, width].
[[nodiscard]] graph::Value trace_weighted_prompt(graph::Builder& builder, const ClipText& clip, graph::Value tokens,
                                                 graph::Value weights, std::int64_t stop_at_layer = -1);

}  // namespace comfystream::models
