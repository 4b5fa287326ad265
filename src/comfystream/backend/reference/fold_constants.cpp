// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/fold_constants.hpp"

#include "comfystream/backend/reference/program.hpp"

#include <algorithm>

namespace comfystream::backend::reference {
namespace {

// The value of an operation whose operands are all constants of `folded`.
Tensor evaluate(const graph::Graph& folded, const graph::Node& node) {
  graph::Graph single;
  graph::Node copy = node;
  for (auto& operand : copy.operands) operand = single.append(folded.node(operand));
  const auto result = single.append(std::move(copy));
  single.add_output("value", result);
  const Program program(single, graph::plan_memory(single, 1), 1, 1);
  Tensor value(node.type.dtype, node.type.shape.at(1));
  Tensor workspace(DType::kU8, {static_cast<std::int64_t>(program.workspace_bytes())});
  std::byte* const out = value.mutable_bytes().data();
  program.run({{}, {}, {&out, 1}}, workspace.mutable_bytes().data());
  return value;
}

}  // namespace

graph::Graph fold_constants(const graph::Graph& graph) {
  graph::Graph folded;
  for (const auto& node : graph.nodes()) {
    const bool computable =
        !node.operands.empty() && !node.type.shape.symbolic() && node.kind != graph::OpKind::kLoop &&
        std::all_of(node.operands.begin(), node.operands.end(),
                    [&](graph::Value v) { return folded.node(v).kind == graph::OpKind::kConstant; });
    if (!computable) {
      folded.append(node);
      continue;
    }
    graph::ConstantAttrs value{evaluate(folded, node)};
    folded.append({graph::OpKind::kConstant, std::move(value), {}, node.type, node.name, node.scope});
  }
  for (const auto& output : graph.outputs()) folded.add_output(output.name, output.value);
  return folded;
}

}  // namespace comfystream::backend::reference
