// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/cost.hpp"

#include <set>
#include <utility>

namespace comfystream::graph {
namespace {

// One operation with its shapes at a batch size.
class Flops {
 public:
  Flops(const Graph& graph, const Node& node, std::int64_t batch_size)
      : graph_(graph), node_(node), batch_size_(batch_size), results_(count(node.type.shape)) {}

  [[nodiscard]] double count() const {
    switch (node_.kind) {
      case OpKind::kConv2d:
        return 2 * results_ * static_cast<double>(dim(1, 1) * dim(1, 2) * dim(1, 3)) + bias();
      case OpKind::kConvTranspose2d:
        return 2 * elements(0) * static_cast<double>(dim(1, 1) * dim(1, 2) * dim(1, 3)) + bias();
      case OpKind::kLinear:
        return 2 * results_ * static_cast<double>(dim(1, 1)) + bias();
      case OpKind::kMatmul:
        return 2 * results_ * static_cast<double>(dim(0, shape(0).rank() - 1));
      case OpKind::kAttention:
        return attention();
      case OpKind::kGroupNorm:
      case OpKind::kLayerNorm:
      case OpKind::kSoftmax:
        return kNormalise * results_;
      case OpKind::kUnary:
      case OpKind::kBinary:
      case OpKind::kClamp:
      case OpKind::kCompare:
      case OpKind::kSelect:
      case OpKind::kTimestepEmbedding:
        return results_;
      case OpKind::kReduce:
        return elements(0);
      case OpKind::kResize:
        return resize();
      default:
        return 0;
    }
  }

 private:
  static constexpr double kNormalise = 5;

  [[nodiscard]] const SymShape& shape(std::size_t operand) const { return graph_.type(node_.operands[operand]).shape; }
  [[nodiscard]] std::int64_t dim(std::size_t operand, std::size_t axis) const {
    return shape(operand)[axis].at(batch_size_);
  }
  [[nodiscard]] double count(const SymShape& shape) const {
    return static_cast<double>(shape.elements().at(batch_size_));
  }
  [[nodiscard]] double elements(std::size_t operand) const { return count(shape(operand)); }
  [[nodiscard]] double bias() const { return node_.operands.size() > 2 ? results_ : 0; }

  [[nodiscard]] double attention() const {
    const double scores = static_cast<double>(dim(0, 0) * dim(0, 1) * dim(0, 2) * dim(1, 2));
    return scores * (2 * static_cast<double>(dim(0, 3) + dim(2, 3)) + kNormalise);
  }
  [[nodiscard]] double resize() const {
    switch (std::get<ResizeAttrs>(node_.attrs).mode) {
      case ResizeMode::kBilinear:
        return 2 * 4 * results_;
      case ResizeMode::kBicubic:
        return 2 * 16 * results_;
      default:
        return 0;
    }
  }

  const Graph& graph_;
  const Node& node_;
  std::int64_t batch_size_;
  double results_;  // elements of the result
};

using Buffers = std::set<std::pair<std::string, const std::byte*>>;

/// Adds up nodes, loops by what is inside them.
class Sum {
 public:
  explicit Sum(std::int64_t batch_size) : batch_size_(batch_size) {}

  void add(const Graph& graph, const Node& node, double trips) {
    if (const auto* loop = std::get_if<LoopAttrs>(&node.attrs)) {
      for (const auto& inner : loop->body->nodes()) {
        add(*loop->body, inner, trips * static_cast<double>(loop->trip_count));
      }
      return;
    }
    const std::string scope = node.scope.empty() ? "other" : node.scope.substr(0, node.scope.find('/'));
    Cost& cost = by_scope_[scope];
    cost.flops += trips * Flops(graph, node, batch_size_).count();
    if (!node.operands.empty()) cost.output_bytes += static_cast<std::int64_t>(trips) * bytes(node.type);
    for (const auto operand : node.operands) {
      const auto* constant = std::get_if<ConstantAttrs>(&graph.node(operand).attrs);
      if (constant == nullptr || !seen_.emplace(scope, constant->value.bytes().data()).second) continue;
      cost.weight_bytes += static_cast<std::int64_t>(constant->value.size_bytes());
    }
  }

  [[nodiscard]] std::map<std::string, Cost> take() { return std::move(by_scope_); }

 private:
  [[nodiscard]] std::int64_t bytes(const ValueType& type) const {
    return type.shape.elements().at(batch_size_) * static_cast<std::int64_t>(size_of(type.dtype));
  }

  std::int64_t batch_size_;
  std::map<std::string, Cost> by_scope_;
  Buffers seen_;
};

}  // namespace

Cost cost_of(const Graph& graph, Value value, std::int64_t batch_size) {
  Sum sum(batch_size);
  sum.add(graph, graph.node(value), 1);
  Cost total;
  for (const auto& [scope, cost] : sum.take()) {
    total.flops += cost.flops;
    total.weight_bytes += cost.weight_bytes;
    total.output_bytes += cost.output_bytes;
  }
  return total;
}

std::map<std::string, Cost> cost_by_scope(const Graph& graph, std::int64_t batch_size) {
  Sum sum(batch_size);
  for (const auto& node : graph.nodes()) sum.add(graph, node, 1);
  return sum.take();
}

}  // namespace comfystream::graph
