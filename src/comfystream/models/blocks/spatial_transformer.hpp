// SPDX-License-Identifier: Apache-2.0
// LDM's SpatialTransformer (ldm/modules/attention.py): self-attention, cross-attention to the prompt, GEGLU.
#pragma once

#include "comfystream/models/blocks/module.hpp"

namespace comfystream::models {

/// x [B, C, h, w], context [B or 1, t, width] -> [B, C, h, w]. As many transformer blocks as the weights have; proj_in
/// and proj_out may be stored as 1x1 convolutions or as matrices.
[[nodiscard]] graph::Value spatial_transformer(const Module& block, graph::Value x, graph::Value context,
                                               std::int64_t heads);

}  // namespace comfystream::models
