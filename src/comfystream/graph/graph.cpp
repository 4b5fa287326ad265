// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/graph.hpp"

#include "comfystream/error.hpp"

#include <utility>

namespace comfystream::graph {

Value Graph::append(Node node) {
  const Value value{static_cast<std::uint32_t>(nodes_.size())};
  for (const auto operand : node.operands) {
    if (operand.id >= value.id) {
      throw Error(ErrorCode::kInternal, std::string(to_string(node.kind)) + " uses %" + std::to_string(operand.id) +
                                            ", which does not precede it");
    }
  }
  if (node.kind == OpKind::kInput) inputs_.push_back(value);
  if (node.kind == OpKind::kParameter) parameters_.push_back(value);
  nodes_.push_back(std::move(node));
  return value;
}

void Graph::add_output(std::string name, Value value) {
  if (value.id >= nodes_.size()) throw Error(ErrorCode::kInternal, "output " + name + " is no value of the graph");
  outputs_.push_back({std::move(name), value});
}

}  // namespace comfystream::graph
