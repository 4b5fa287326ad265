// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/reorder.hpp"

#include "comfystream/graph/passes/prune.hpp"

#include <utility>
#include <vector>

namespace comfystream::graph {
namespace {

bool is_pixelwise(const Graph& graph, const Node& conv) {
  const auto& weight = graph.type(conv.operands[1]).shape;
  const auto& a = std::get<Conv2dAttrs>(conv.attrs);
  const bool moves = a.stride_h != 1 || a.stride_w != 1 || a.pad_top != 0 || a.pad_left != 0 || a.pad_bottom != 0 ||
                     a.pad_right != 0 || a.groups != 1;
  return !moves && weight[2] == Dim(1) && weight[3] == Dim(1);
}

class Reorderer {
 public:
  explicit Reorderer(const Graph& graph) : graph_(graph), readers_(graph.nodes().size()) {
    for (const auto& node : graph.nodes()) {
      for (const auto operand : node.operands) ++readers_[operand.id];
    }
    for (const auto& output : graph.outputs()) ++readers_[output.value.id];
  }

  Graph run() {
    for (const auto& node : graph_.nodes()) {
      if (convolves_an_enlargement(node)) {
        moved_.push_back(convolve_first(node));
      } else if (slices_a_norm(node)) {
        moved_.push_back(slice_first(node));
      } else {
        moved_.push_back(append(node));
      }
    }
    for (const auto& output : graph_.outputs()) result_.add_output(output.name, moved_[output.value.id]);
    return prune(result_);
  }

 private:
  [[nodiscard]] const Node& operand(const Node& node) const { return graph_.node(node.operands[0]); }

  [[nodiscard]] bool convolves_an_enlargement(const Node& node) const {
    if (node.kind != OpKind::kConv2d || operand(node).kind != OpKind::kResize || !is_pixelwise(graph_, node))
      return false;
    const auto& large = operand(node).type;
    const auto& small = operand(operand(node)).type;
    const bool enlarges = large.shape[2].count * large.shape[3].count > small.shape[2].count * small.shape[3].count;
    const bool narrows = node.type.shape[1].count <= large.shape[1].count;
    return enlarges && narrows && readers_[node.operands[0].id] == 1 && small.dtype == node.type.dtype;
  }

  Value convolve_first(const Node& conv) {
    const Node& resize = operand(conv);
    const SymShape& small = operand(resize).type.shape;
    Node first = conv;
    first.type.shape = {conv.type.shape[0], conv.type.shape[1], small[2], small[3]};
    first.operands[0] = resize.operands[0];
    Node last = resize;
    last.type = conv.type;
    last.operands = {append(std::move(first))};
    return result_.append(std::move(last));
  }

  [[nodiscard]] bool slices_a_norm(const Node& node) const {
    if (node.kind != OpKind::kSlice || operand(node).kind != OpKind::kLayerNorm) return false;
    const std::size_t rows = node.type.shape.rank() - 1;
    return static_cast<std::size_t>(std::get<SliceAttrs>(node.attrs).axis) < rows && readers_[node.operands[0].id] == 1;
  }

  Value slice_first(const Node& slice) {
    const Node& norm = operand(slice);
    Node first = slice;
    first.operands[0] = norm.operands[0];
    Node last = norm;
    last.type = slice.type;
    for (std::size_t i = 1; i < last.operands.size(); ++i) last.operands[i] = moved_[last.operands[i].id];
    last.operands[0] = append(std::move(first));
    return result_.append(std::move(last));
  }

  /// A node whose operands are values of the graph that is copied.
  Value append(Node node) {
    for (auto& value : node.operands) value = moved_[value.id];
    return result_.append(std::move(node));
  }

  const Graph& graph_;
  std::vector<std::size_t> readers_;  // by value, outputs included
  Graph result_;
  std::vector<Value> moved_;  // by id in the graph that is copied
};

}  // namespace

Graph reorder(const Graph& graph) { return Reorderer(graph).run(); }

}  // namespace comfystream::graph
