// SPDX-License-Identifier: Apache-2.0
// The state of turning a graph::Graph into OpenVINO nodes, and what the functions of lower_ops.hpp work with.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/core/node.hpp>
#include <openvino/op/parameter.hpp>

namespace comfystream::backend::openvino {

/// The part of a node's friendly name before this character is the node's scope.
inline constexpr char kScopeEnd = '|';

/// State shared by the lowering of one graph's nodes.
class Lowering {
 public:
  Lowering(const graph::Graph& graph, std::int64_t max_batch);

  /// Lowers every node; sources become model parameters, in the order that LoweredModel states. The first `rows` inputs
  /// arrive as one row of a table: with a leading dimension of 1 that the graph does not see.
  void run(std::size_t rows = 0);

  [[nodiscard]] const graph::Graph& graph() const noexcept { return graph_; }
  [[nodiscard]] std::int64_t max_batch() const noexcept { return max_batch_; }
  [[nodiscard]] const ov::Output<ov::Node>& output(graph::Value value) const { return outputs_.at(value.id); }
  [[nodiscard]] const ov::ParameterVector& sources() const noexcept { return sources_; }
  [[nodiscard]] bool has_batch_probe() const noexcept { return has_batch_probe_; }

  /// An i64 constant; equal ones are made once.
  [[nodiscard]] ov::Output<ov::Node> ints(const std::vector<std::int64_t>& values);
  /// N, i64 [1]. Static batches get a constant.
  [[nodiscard]] const ov::Output<ov::Node>& batch();
  /// The dimensions of `shape` at the running batch, i64 [rank].
  [[nodiscard]] ov::Output<ov::Node> dims(const graph::SymShape& shape);

 private:
  void add_source(graph::Value value, bool row);
  void lower_node(graph::Value value);
  void check(graph::Value value) const;

  const graph::Graph& graph_;
  std::int64_t max_batch_;
  std::vector<ov::Output<ov::Node>> outputs_;  ///< by value id
  ov::ParameterVector sources_;
  std::optional<ov::Output<ov::Node>> batch_;
  std::map<std::vector<std::int64_t>, ov::Output<ov::Node>> ints_;
  bool has_batch_probe_ = false;
};

/// One node on its way: what the lower_* functions work with.
class NodeContext {
 public:
  NodeContext(Lowering& lowering, graph::Value value) : lowering_(lowering), value_(value) {}

  [[nodiscard]] Lowering& lowering() const noexcept { return lowering_; }
  [[nodiscard]] const graph::Node& node() const { return lowering_.graph().node(value_); }
  [[nodiscard]] const graph::ValueType& type() const { return node().type; }
  template <typename T>
  [[nodiscard]] const T& attrs() const {
    return std::get<T>(node().attrs);
  }
  [[nodiscard]] std::size_t operand_count() const { return node().operands.size(); }
  [[nodiscard]] const ov::Output<ov::Node>& operand(std::size_t index) const {
    return lowering_.output(node().operands.at(index));
  }
  [[nodiscard]] const graph::ValueType& operand_type(std::size_t index) const {
    return lowering_.graph().type(node().operands.at(index));
  }
  /// Operand `index`, one value per channel, shaped to broadcast over [.., C, 1, 1, ..] of this rank; axis 1 holds C.
  [[nodiscard]] ov::Output<ov::Node> per_channel(std::size_t index, std::size_t rank) const;

  /// Makes an OpenVINO node that bears this node's name and scope.
  template <typename T, typename... Args>
  ov::Output<ov::Node> make(Args&&... args) const {
    auto made = std::make_shared<T>(std::forward<Args>(args)...);
    made->set_friendly_name(friendly_name());
    return made->output(0);
  }
  [[nodiscard]] ov::Output<ov::Node> ints(const std::vector<std::int64_t>& values) const;
  [[nodiscard]] ov::Output<ov::Node> scalar(float value) const;
  /// "scope|conv2d.12"
  [[nodiscard]] std::string friendly_name() const;

 private:
  Lowering& lowering_;
  graph::Value value_;
};

}  // namespace comfystream::backend::openvino
