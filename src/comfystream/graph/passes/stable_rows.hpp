// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <vector>

namespace comfystream::graph {

/// By node id: whether a batch of n rows is the first n rows of any larger batch, given that this holds for inputs and
/// parameters with a leading N. True of everything that has no N at all. False, to be on the safe side, wherever rows
/// may move: [2N, ...], an N that does not lead.
[[nodiscard]] std::vector<bool> stable_rows(const Graph& graph);

}  // namespace comfystream::graph
