// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/prune.hpp"

#include <vector>

namespace comfystream::graph {
namespace {

std::vector<bool> needed_nodes(const Graph& graph) {
  const auto& nodes = graph.nodes();
  std::vector<bool> needed(nodes.size(), false);
  for (const auto& output : graph.outputs()) needed[output.value.id] = true;
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (nodes[i].kind == OpKind::kInput || nodes[i].kind == OpKind::kParameter) needed[i] = true;
    if (!needed[i]) continue;
    for (const auto operand : nodes[i].operands) needed[operand.id] = true;
  }
  return needed;
}

}  // namespace

Graph prune(const Graph& graph) {
  const auto needed = needed_nodes(graph);
  Graph result;
  std::vector<Value> moved(needed.size());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    Node node = graph.nodes()[i];
    for (auto& operand : node.operands) operand = moved[operand.id];
    moved[i] = result.append(std::move(node));
  }
  for (const auto& output : graph.outputs()) result.add_output(output.name, moved[output.value.id]);
  return result;
}

}  // namespace comfystream::graph
