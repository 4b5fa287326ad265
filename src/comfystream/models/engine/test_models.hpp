// SPDX-License-Identifier: Apache-2.0
// Models of a few thousand weights in the layouts that checkpoints come in.
#pragma once

#include "comfystream/models/weights/architectures/depth_anything.hpp"
#include "comfystream/models/weights/architectures/unet.hpp"
#include "comfystream/models/weights/synth_values.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <string>

namespace comfystream::engine {

inline weights::WeightMap synth_model(const weights::TensorSpecs& specs) {
  weights::WeightMap map("model.safetensors");
  for (const auto& [name, shape] : specs) {
    map.insert(name, weights::synth_tensor(name, shape, weights::guess_synth_kind(name, shape), 5));
  }
  return map;
}

/// LDM keys without a prefix.
inline weights::WeightMap test_unet() {
  return synth_model(weights::unet_tensors({.model_channels = 32,
                                            .channel_mult = {1, 2},
                                            .res_blocks = 1,
                                            .transformer_depth = {1, 0},
                                            .middle_depth = 1,
                                            .context_dim = 16}));
}

/// Official keys.
inline weights::WeightMap test_depth() {
  return synth_model(weights::depth_anything_tensors({.width = 64,
                                                      .layers = 4,
                                                      .patch = 14,
                                                      .position_grid = 3,
                                                      .neck_channels = {4, 8, 8, 8},
                                                      .fusion_channels = 8,
                                                      .head_channels = 4}));
}

}  // namespace comfystream::engine
