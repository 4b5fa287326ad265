// SPDX-License-Identifier: Apache-2.0
// The residual block of LDM's UNet (openaimodel.ResBlock) and VAE (model.ResnetBlock).
#pragma once

#include "comfystream/models/blocks/module.hpp"

#include <optional>

namespace comfystream::models {

/// What the block's layers are called, and its group norms' epsilon.
struct ResnetLayout {
  const char* norm1;
  const char* conv1;
  const char* embedding;
  const char* norm2;
  const char* conv2;
  const char* shortcut;
  float epsilon;
};

inline constexpr ResnetLayout kUNetResnet{"in_layers.0",  "in_layers.2",     "emb_layers.1", "out_layers.0",
                                          "out_layers.3", "skip_connection", 1e-5F};
inline constexpr ResnetLayout kVaeResnet{"norm1", "conv1", "", "norm2", "conv2", "nin_shortcut", 1e-6F};

/// x [B, C, h, w] -> [B, C', h, w]. `embedding` [B or 1, e] is the time embedding after its SiLU; none in a VAE. The
/// shortcut is a convolution where the block has one, else the identity.
[[nodiscard]] graph::Value resnet_block(const Module& block, graph::Value x, std::optional<graph::Value> embedding,
                                        const ResnetLayout& layout);

}  // namespace comfystream::models
