// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"

#include <cstdint>

namespace comfystream::models {

/// Attention over tokens: q [B, t, heads * d], k and v [B or 1, s, heads * d] -> [B, t, heads * d], scaled by 1 /
/// sqrt(d). Causal: a token sees none after it.
[[nodiscard]] graph::Value multi_head_attention(graph::Builder& builder, graph::Value q, graph::Value k, graph::Value v,
                                                std::int64_t heads, bool causal = false);

/// A feature map's tokens: [B, C, h, w] -> [B, h * w, C].
[[nodiscard]] graph::Value to_tokens(graph::Builder& builder, graph::Value map);
/// The inverse: [B, h * w, C] -> [B, C, h, w], with h and w those of `like` [*, *, h, w].
[[nodiscard]] graph::Value to_map(graph::Builder& builder, graph::Value tokens, const graph::SymShape& like);

}  // namespace comfystream::models
