// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace comfystream::graph {

struct Cost {
  double flops = 0;               ///< multiply and add count as two
  std::int64_t weight_bytes = 0;  ///< constants read, as stored
  std::int64_t output_bytes = 0;  ///< bytes of every result
};

/// The cost of one node for a batch. Element-wise operations count one for each element of their result (a norm or a
/// softmax five, an interpolation two for each element it reads), moves none. A loop costs what its body costs at every
/// trip, its weights once.
[[nodiscard]] Cost cost_of(const Graph& graph, Value value, std::int64_t batch_size);
/// Sums by the first component of the scope ("KSampler#7", or "other"); the nodes of a loop's body have scopes of their
/// own. A constant's buffer counts once in a scope, however many nodes read it.
[[nodiscard]] std::map<std::string, Cost> cost_by_scope(const Graph& graph, std::int64_t batch_size);

}  // namespace comfystream::graph
