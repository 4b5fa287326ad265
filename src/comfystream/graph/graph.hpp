// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/op.hpp"
#include "comfystream/graph/sym_shape.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace comfystream::graph {

/// The result of a node: an index into Graph::nodes(). Every operation has exactly one result.
struct Value {
  std::uint32_t id = 0;
  bool operator==(const Value&) const = default;
};

struct ValueType {
  DType dtype = DType::kF32;
  SymShape shape;
  bool operator==(const ValueType&) const = default;
};

/// One operation. `scope` says which part of the workflow it belongs to, outermost first:
/// "KSampler#7/unet/input_blocks.1.0"; times and memory are reported by its first component.
struct Node {
  OpKind kind = OpKind::kInput;
  Attrs attrs;
  std::vector<Value> operands;
  ValueType type;
  std::string name;  ///< for inputs, parameters and constants: what they are called
  std::string scope;
};

struct Output {
  std::string name;
  Value value;
};

/// A network: nodes in an order in which every operand precedes its user. Made by Builder, changed by passes.
/// Plain data; const access is safe from any thread.
class Graph {
 public:
  [[nodiscard]] const std::vector<Node>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const Node& node(Value value) const { return nodes_.at(value.id); }
  [[nodiscard]] const ValueType& type(Value value) const { return node(value).type; }
  [[nodiscard]] const std::vector<Value>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::vector<Value>& parameters() const noexcept { return parameters_; }
  [[nodiscard]] const std::vector<Output>& outputs() const noexcept { return outputs_; }

  /// Appends a node whose type is already known; operands must precede it. Builder is the checked way.
  Value append(Node node);
  void add_output(std::string name, Value value);

 private:
  std::vector<Node> nodes_;
  std::vector<Value> inputs_;
  std::vector<Value> parameters_;
  std::vector<Output> outputs_;
};

/// One line per node: "%12 = conv2d(%3, %10, %11) pad=1 : f32 [N, 320, 64, 64]  # scope", without attributes that
/// have their usual value; the body of a loop follows it, indented; last come the outputs: "output "picture" = %40".
[[nodiscard]] std::string dump(const Graph& graph);

}  // namespace comfystream::graph
