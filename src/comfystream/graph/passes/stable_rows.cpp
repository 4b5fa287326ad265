// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/stable_rows.hpp"

#include <algorithm>

namespace comfystream::graph {
namespace {

bool leads_with_batch(const SymShape& shape) { return shape.rank() > 0 && shape[0] == kBatch; }

bool body_is_stable(const Graph& body) {
  const auto stable = stable_rows(body);
  return std::ranges::all_of(body.outputs(), [&](const Output& output) { return stable[output.value.id]; });
}

/// Whether row i of the result comes from row i of the operands, where all of them keep their rows.
bool keeps_rows(const Graph& graph, const Node& node) {
  switch (node.kind) {
    case OpKind::kTranspose:
      return std::get<TransposeAttrs>(node.attrs).order[0] == 0;
    case OpKind::kSlice:
      return std::get<SliceAttrs>(node.attrs).axis != 0;
    case OpKind::kConcat:
      return std::get<ConcatAttrs>(node.attrs).axis != 0;
    case OpKind::kLoop:
      return body_is_stable(*std::get<LoopAttrs>(node.attrs).body);
    case OpKind::kBinary:
    case OpKind::kCompare:
    case OpKind::kSelect:
    case OpKind::kMatmul:
    case OpKind::kAttention:
      // Broadcasting aligns last dimensions: an operand of lower rank would have its N elsewhere.
      return std::ranges::all_of(node.operands, [&](Value operand) {
        const auto& shape = graph.type(operand).shape;
        return !shape.symbolic() || shape.rank() == node.type.shape.rank();
      });
    default:
      return true;
  }
}

}  // namespace

std::vector<bool> stable_rows(const Graph& graph) {
  std::vector<bool> stable;
  stable.reserve(graph.nodes().size());
  for (const auto& node : graph.nodes()) {
    const auto& shape = node.type.shape;
    const bool from_stable = std::ranges::all_of(node.operands, [&](Value operand) { return stable[operand.id]; });
    const bool fits = !shape.symbolic() || (leads_with_batch(shape) && keeps_rows(graph, node));
    stable.push_back(from_stable && fits);
  }
  return stable;
}

}  // namespace comfystream::graph
