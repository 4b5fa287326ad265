// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/simplify.hpp"

#include "comfystream/graph/node_key.hpp"
#include "comfystream/graph/passes/prune.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace comfystream::graph {
namespace {

bool is_identity(const std::vector<std::int64_t>& order) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

/// Copies a graph node by node, leaving out what a node of the copy computes already.
class Rewriter {
 public:
  Graph rewrite(const Graph& graph) {
    replacement_.reserve(graph.nodes().size());
    for (const auto& node : graph.nodes()) replacement_.push_back(rewrite(node));
    for (const auto& output : graph.outputs()) result_.add_output(output.name, replacement_[output.value.id]);
    return std::move(result_);
  }

 private:
  Value rewrite(Node node) {
    for (auto& operand : node.operands) operand = replacement_[operand.id];
    if (auto* loop = std::get_if<LoopAttrs>(&node.attrs)) loop->body = simplified(loop->body);
    if (const auto same = without_effect(node)) return *same;
    // Two parameters may be set to different values, and the inputs' order is the caller's.
    if (node.kind == OpKind::kInput || node.kind == OpKind::kParameter) return result_.append(std::move(node));
    const auto [known, is_new] = known_.try_emplace(node_key(node, node.operands));
    if (is_new) known->second = result_.append(std::move(node));
    return known->second;
  }

  /// The operand that `node` passes on as it is. May change `node` to read past an operation it makes needless.
  std::optional<Value> without_effect(Node& node) const {
    switch (node.kind) {
      case OpKind::kReshape:
        // Only the last of several shapes counts.
        while (operand(node).kind == OpKind::kReshape) node.operands[0] = operand(node).operands[0];
        return unchanged(node);
      case OpKind::kCast:
      case OpKind::kExpand:
        return unchanged(node);
      case OpKind::kSlice:
        return std::get<SliceAttrs>(node.attrs).step == 1 ? unchanged(node) : std::nullopt;
      case OpKind::kConcat:
        return node.operands.size() == 1 ? unchanged(node) : std::nullopt;
      case OpKind::kPad:
        return unchanged(node);
      case OpKind::kTranspose:
        return transpose_without_effect(node);
      default:
        return std::nullopt;
    }
  }

  // Where these operations keep their operand's type they keep its elements too.
  [[nodiscard]] std::optional<Value> unchanged(const Node& node) const {
    if (operand(node).type != node.type) return std::nullopt;
    return node.operands[0];
  }

  [[nodiscard]] std::optional<Value> transpose_without_effect(const Node& node) const {
    const auto& order = std::get<TransposeAttrs>(node.attrs).order;
    if (is_identity(order)) return node.operands[0];
    const Node& before = operand(node);
    if (before.kind != OpKind::kTranspose) return std::nullopt;
    auto together = std::get<TransposeAttrs>(before.attrs).order;
    std::ranges::transform(order, together.begin(),
                           [&, first = together](std::int64_t axis) { return first[static_cast<std::size_t>(axis)]; });
    return is_identity(together) ? std::optional(before.operands[0]) : std::nullopt;
  }

  [[nodiscard]] const Node& operand(const Node& node) const { return result_.node(node.operands[0]); }

  /// Loops that share a body go on sharing it.
  std::shared_ptr<const Graph> simplified(const std::shared_ptr<const Graph>& body) {
    auto& result = bodies_[body.get()];
    if (result == nullptr) result = std::make_shared<const Graph>(simplify(*body));
    return result;
  }

  Graph result_;
  std::vector<Value> replacement_;  // by id in the graph that is copied
  std::unordered_map<std::string, Value> known_;
  std::unordered_map<const Graph*, std::shared_ptr<const Graph>> bodies_;
};

}  // namespace

Graph simplify(const Graph& graph) { return prune(Rewriter().rewrite(graph)); }

}  // namespace comfystream::graph
