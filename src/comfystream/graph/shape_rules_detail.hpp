// SPDX-License-Identifier: Apache-2.0
// What the shape rules share. Private to the graph layer.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <initializer_list>
#include <span>
#include <string>

namespace comfystream::graph::detail {

/// The operation whose type is being inferred, with checks that fail in its name.
struct Rule {
  OpKind kind;
  const Attrs& attrs;
  std::span<const ValueType> operands;

  /// Throws Error(kInvalidArgument): "conv2d: <why>; operands f32 [N, 4, 8, 8], f32 [3, 5, 3, 3]".
  [[noreturn]] void fail(const std::string& why) const;
  void require(bool condition, const char* why) const {
    if (!condition) fail(why);
  }

  template <typename T>
  [[nodiscard]] const T& attributes() const {
    const T* found = std::get_if<T>(&attrs);
    if (found == nullptr) fail("the attributes are another operation's");
    return *found;
  }

  [[nodiscard]] const SymShape& shape(std::size_t index) const { return operands[index].shape; }
  [[nodiscard]] DType dtype(std::size_t index) const { return operands[index].dtype; }

  void require_count(std::size_t least, std::size_t most) const;
  void require_rank(std::size_t index, std::size_t rank) const;
  void require_dtype(std::size_t index, std::initializer_list<DType> allowed) const;
  /// All operands are f32.
  void require_f32() const;
  /// All operands share one dtype.
  void require_same_dtype() const;
  [[nodiscard]] std::size_t require_axis(std::int64_t axis, std::size_t rank) const;
  [[nodiscard]] SymShape broadcast(const SymShape& a, const SymShape& b) const;
};

// linear algebra
ValueType conv2d(const Rule& rule);
ValueType conv_transpose2d(const Rule& rule);
ValueType linear(const Rule& rule);
ValueType matmul(const Rule& rule);
ValueType attention(const Rule& rule);
// normalisation and arithmetic
ValueType group_norm(const Rule& rule);
ValueType layer_norm(const Rule& rule);
ValueType unary(const Rule& rule);
ValueType binary(const Rule& rule);
ValueType clamp(const Rule& rule);
ValueType compare(const Rule& rule);
ValueType select(const Rule& rule);
ValueType reduce(const Rule& rule);
ValueType softmax(const Rule& rule);
ValueType cast(const Rule& rule);
ValueType timestep_embedding(const Rule& rule);
// layout
ValueType concat(const Rule& rule);
ValueType slice(const Rule& rule);
ValueType reshape(const Rule& rule);
ValueType transpose(const Rule& rule);
ValueType expand(const Rule& rule);
ValueType resize(const Rule& rule);
ValueType pad(const Rule& rule);
ValueType embedding(const Rule& rule);
// control
ValueType loop(const Rule& rule);

}  // namespace comfystream::graph::detail
