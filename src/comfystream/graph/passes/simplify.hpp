// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

namespace comfystream::graph {

/// Removes nodes no output needs, merges equal nodes (common subexpressions; constants by buffer address) and drops
/// ops that change nothing (reshape to the same shape, cast to the same type, expand to the same shape, transposes that
/// cancel). Results are unchanged bit for bit. Inputs and parameters are kept even when unused.
[[nodiscard]] Graph simplify(const Graph& graph);

}  // namespace comfystream::graph
