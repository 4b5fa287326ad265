// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace comfystream::diffusion {

/// Whose prompt an evaluation of the network is for.
enum class Prompt : std::uint8_t {
  kBoth,  ///< positive in the first half of the batch, negative in the second
  kPositive,
  kNegative,
};

/// What classifier-free guidance needs beside x; all values of the builder that the sampler traces into.
struct Guidance {
  graph::Value positive;  ///< [1 or N, 77 k, width]
  graph::Value negative;  ///< [1 or N, 77 j, width]
  graph::Value scale;     ///< cfg: one element, live. Callers skip guidance altogether where cfg is 1, as ComfyUI does
  /// False where a ControlNet belongs to one of the prompts alone: then the network runs twice.
  bool same_control = true;
  /// Other values of the network with a leading 1 or N (or the number of rows of a fixed batch), such as hints.
  std::vector<graph::Value> rows;
};

/// Traces eps for x [B, 4, h, w] and context [B or 1, tokens, width]. `rows` are Guidance::rows, those with a leading N
/// doubled like x; with Prompt::kBoth, x that no frame influences is [2, ...] beside rows of [2N, ...].
using PromptFn = std::function<graph::Value(graph::Builder&, graph::Value x, graph::Value context,
                                            std::span<const graph::Value> rows, Prompt prompt)>;

/// negative + scale * (positive - negative), eps of x's batch. Both prompts travel as one batch of twice the rows
/// (Prompt:: kBoth) where control is the same and the contexts' lengths allow: ComfyUI repeats tokens up to the least
/// common multiple of both, which attention does not notice, unless one would grow more than 4 times; else in two
/// passes.
[[nodiscard]] graph::Value trace_guidance(graph::Builder& builder, const Guidance& guidance, graph::Value x,
                                          const PromptFn& network);

}  // namespace comfystream::diffusion
