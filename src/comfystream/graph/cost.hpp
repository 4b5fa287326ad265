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

/// The cost of one node for a batch.
[[nodiscard]] Cost cost_of(const Graph& graph, Value value, std::int64_t batch_size);
/// Sums by the first component of the scope ("KSampler#7").
[[nodiscard]] std::map<std::string, Cost> cost_by_scope(const Graph& graph, std::int64_t batch_size);

}  // namespace comfystream::graph
