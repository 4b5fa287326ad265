// SPDX-License-Identifier: Apache-2.0
// What the UNet and ControlNet share: the time embedding, and blocks numbered as in LDM's openaimodel.
#pragma once

#include "comfystream/models/blocks/module.hpp"
#include "comfystream/models/unet.hpp"

namespace comfystream::models {

/// What every block of one pass through the network sees.
struct UNetConditions {
  graph::Value embedding;  ///< [B or 1, 4 * model_channels], after the SiLU that every residual block begins with
  graph::Value context;    ///< [B or 1, t, context_dim]
  std::int64_t heads = 8;
};

/// `net` holds "time_embed", "input_blocks" and so on. timesteps [B or 1]; context's width must be the config's.
[[nodiscard]] UNetConditions unet_conditions(const Module& net, const UNetConfig& config, graph::Value timesteps,
                                             graph::Value context);

/// An entry of input_blocks, or the middle block: its parts in order (convolution, residual block, transformer,
/// downsampling), told apart by their weights.
[[nodiscard]] graph::Value unet_block(const Module& block, graph::Value x, const UNetConditions& conditions);

/// Throws Error unless x is [B, in_channels, h, w] with fixed h and w.
void check_latents(const char* network, const UNetConfig& config, const graph::SymShape& x);

}  // namespace comfystream::models
