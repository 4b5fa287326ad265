// SPDX-License-Identifier: Apache-2.0
// For tests: what storing values in 16 bits alone makes of a network, computed by any backend.
#pragma once

#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/inline_loops.hpp"
#include "comfystream/backend/cuda/storage_types.hpp"
#include "comfystream/graph/graph.hpp"
#include "comfystream/graph/passes/simplify.hpp"

#include <vector>

namespace comfystream::backend::cuda {

/// `graph` with every value rounded that the CUDA backend stores as `precision`, and nothing else changed.
inline graph::Graph round_as_stored(const graph::Graph& graph, DType precision) {
  const graph::Graph plain = graph::simplify(inline_loops(graph));
  const auto storage = assign_storage(plain, precision);
  graph::Graph result;
  std::vector<graph::Value> made;
  const auto cast = [&](graph::Value from, DType dtype) {
    graph::Node node{graph::OpKind::kCast, graph::CastAttrs{dtype}, {from}, result.type(from), {}, {}};
    node.type.dtype = dtype;
    return result.append(std::move(node));
  };
  for (std::uint32_t i = 0; i < plain.nodes().size(); ++i) {
    graph::Node node = plain.nodes()[i];
    for (auto& operand : node.operands) operand = made[operand.id];
    const bool rounds =
        storage[i] == precision && node.type.dtype == DType::kF32 && !is_view(node.kind) && !constant_of(plain, {i});
    const graph::Value value = result.append(std::move(node));
    made.push_back(rounds ? cast(cast(value, precision), DType::kF32) : value);
  }
  for (const auto& output : plain.outputs()) result.add_output(output.name, made[output.value.id]);
  return result;
}

}  // namespace comfystream::backend::cuda
