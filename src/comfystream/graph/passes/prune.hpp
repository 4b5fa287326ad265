// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

namespace comfystream::graph {

/// The graph without nodes that no output needs; inputs are kept, and so are parameters.
[[nodiscard]] Graph prune(const Graph& graph);

}  // namespace comfystream::graph
