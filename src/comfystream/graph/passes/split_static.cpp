// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/split_static.hpp"

#include "comfystream/graph/passes/stable_rows.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::graph {
namespace {

/// Which of the graphs a node goes into. Both is possible: a constant that either reads.
class Split {
 public:
  Split(const Graph& graph, std::span<const std::string> moving) : graph_(graph) {
    classify(moving);
    assign();
  }

  [[nodiscard]] SplitGraph build() const {
    SplitGraph split;
    split.setup = build_setup(split.crossing);
    split.frame = build_frame();
    return split;
  }

 private:
  void classify(std::span<const std::string> moving) {
    const auto stable = stable_rows(graph_);
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      const Node& node = graph_.nodes()[i];
      const auto all = [&](const std::vector<bool>& set) {
        return std::ranges::all_of(node.operands, [&](Value operand) { return set[operand.id]; });
      };
      const bool moves = node.kind == OpKind::kInput ||
                         (node.kind == OpKind::kParameter && std::ranges::find(moving, node.name) != moving.end());
      // A value that is not the same for every batch size cannot be computed for the largest one and cut.
      static_.push_back(!moves && stable[i] && all(static_));
      relaid_.push_back(node.kind == OpKind::kConstant || (relays(node.kind) && all(relaid_)));
      stays_.push_back(relaid_[i] || node.kind == OpKind::kParameter ||
                       // Costs nothing, while its result would have to be kept.
                       (node.kind == OpKind::kReshape && all(stays_)) || node.kind == OpKind::kExpand);
    }
  }

  /// Operations that move elements and compute nothing.
  static bool relays(OpKind kind) {
    switch (kind) {
      case OpKind::kCast:
      case OpKind::kReshape:
      case OpKind::kTranspose:
      case OpKind::kSlice:
      case OpKind::kConcat:
      case OpKind::kExpand:
        return true;
      default:
        return false;
    }
  }

  void assign() {
    const std::size_t count = graph_.nodes().size();
    for (auto* set : {&in_frame_, &crosses_, &in_setup_}) set->assign(count, false);
    for (const auto input : graph_.inputs()) in_frame_[input.id] = true;
    for (const auto& output : graph_.outputs()) want_in_frame(output.value);
    for (std::size_t i = count; i-- > 0;) {
      if (in_frame_[i]) std::ranges::for_each(graph_.nodes()[i].operands, [&](Value v) { want_in_frame(v); });
    }
    for (std::size_t i = count; i-- > 0;) {
      if (crosses_[i]) in_setup_[i] = true;
      if (in_setup_[i]) std::ranges::for_each(graph_.nodes()[i].operands, [&](Value v) { in_setup_[v.id] = true; });
    }
  }

  void want_in_frame(Value value) {
    const bool computed_before = static_[value.id] && !stays_[value.id];
    (computed_before ? crosses_ : in_frame_)[value.id] = true;
  }

  [[nodiscard]] Graph build_setup(std::vector<std::string>& crossing) const {
    Graph setup;
    std::vector<Value> moved(graph_.nodes().size());
    for (std::size_t i = 0; i < moved.size(); ++i) {
      if (!in_setup_[i]) continue;
      moved[i] = append_copy(setup, graph_.nodes()[i], moved);
      if (!crosses_[i]) continue;
      crossing.push_back(crossing_name(i));
      setup.add_output(crossing.back(), moved[i]);
    }
    return setup;
  }

  [[nodiscard]] Graph build_frame() const {
    Graph frame;
    std::vector<Value> moved(graph_.nodes().size());
    for (std::size_t i = 0; i < moved.size(); ++i) {
      const Node& node = graph_.nodes()[i];
      if (crosses_[i]) {
        Tensor zeros(node.type.dtype, node.type.shape.at(1));
        moved[i] = frame.append(
            {OpKind::kParameter, ParameterAttrs{std::move(zeros)}, {}, node.type, crossing_name(i), node.scope});
      } else if (in_frame_[i]) {
        moved[i] = append_copy(frame, node, moved);
      }
    }
    for (const auto& output : graph_.outputs()) frame.add_output(output.name, moved[output.value.id]);
    return frame;
  }

  static Value append_copy(Graph& graph, Node node, const std::vector<Value>& moved) {
    for (auto& operand : node.operands) operand = moved[operand.id];
    return graph.append(std::move(node));
  }

  static std::string crossing_name(std::size_t id) { return "static:%" + std::to_string(id); }

  const Graph& graph_;
  // By node id.
  std::vector<bool> static_;  // no input influences it
  std::vector<bool> relaid_;  // a constant, or its elements in another order or type
  std::vector<bool> stays_;   // even if static, computed beside its users
  std::vector<bool> in_frame_, crosses_, in_setup_;
};

}  // namespace

SplitGraph split_static(const Graph& graph, std::span<const std::string> moving) {
  return Split(graph, moving).build();
}

}  // namespace comfystream::graph
