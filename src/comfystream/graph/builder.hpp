// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace comfystream::graph {

/// Builds a Graph one operation at a time. Every call checks its operands and throws Error(kInvalidArgument), naming
/// the op and the shapes, instead of building an ill-formed graph. Not thread-safe.
///
/// Meeting of rows: values that no frame influences carry a leading dimension of 1 and meet values of more rows (N, 2N,
/// or 2 in a plan of a fixed batch) in binary(), compare(), select(), matmul(), concat(), attention() and loop(), where
/// they are repeated as needed; so do k rows that meet k * N: [2, ...] is two groups of a row each where [2N, ...] is
/// two groups of N. Keep static values at 1 as long as possible: the plan computes them once, not per frame
/// (graph/passes/split_static.hpp).
///
/// An axis may be negative and then counts from the last dimension. Arithmetic is f32: cast() other types first.
class Builder {
 public:
  /// Scope names nest for the lifetime of the object returned.
  class ScopeGuard {
   public:
    enum class Place : std::uint8_t { kNested, kOutermost };
    ScopeGuard(Builder& builder, const std::string& name, Place place);
    ~ScopeGuard();
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

   private:
    Builder& builder_;
    std::string previous_;
  };
  [[nodiscard]] ScopeGuard scope(const std::string& name) { return {*this, name, ScopeGuard::Place::kNested}; }
  /// A scope outside those that are open: for what one part of a workflow traces in another's place, such as a
  /// ControlNet inside a sampler, so that its time is reported as its own.
  [[nodiscard]] ScopeGuard outermost_scope(const std::string& name) {
    return {*this, name, ScopeGuard::Place::kOutermost};
  }

  // Sources.
  Value input(std::string name, DType dtype, SymShape shape);
  /// A live tensor. A shape with a leading N means one row per slot: its value holds rows for the largest batch and a
  /// batch of n uses the first n. `initial` may hold fewer rows, then repeated in turn.
  Value parameter(std::string name, SymShape shape, Tensor initial);
  Value constant(Tensor value, std::string name = {});
  /// A constant for arithmetic: f16 and bf16 weights are followed by a cast to f32.
  Value weight(const Tensor& value, std::string name = {});
  Value scalar(float value);

  // Linear algebra. weight layouts are PyTorch's: conv [out, in/groups, kh, kw], linear [out, in].
  Value conv2d(Value x, Value weight, std::optional<Value> bias, const Conv2dAttrs& attrs);
  Value conv_transpose2d(Value x, Value weight, std::optional<Value> bias, const ConvTranspose2dAttrs& attrs);
  Value linear(Value x, Value weight, std::optional<Value> bias = std::nullopt);
  Value matmul(Value a, Value b, bool transpose_b = false);
  /// q [B, heads, tq, d], k [B|1, heads, tk, d], v [B|1, heads, tk, dv]; mask broadcasts to [B, heads, tq, tk] and is
  /// added to the scaled scores. causal: query i sees keys 0..i.
  Value attention(Value q, Value k, Value v, float scale, bool causal = false,
                  std::optional<Value> mask = std::nullopt);

  // Normalisation and activation.
  Value group_norm(Value x, Value weight, Value bias, const GroupNormAttrs& attrs);
  Value layer_norm(Value x, Value weight, Value bias, float epsilon = 1e-5F);
  Value unary(UnaryKind kind, Value x);
  Value silu(Value x) { return unary(UnaryKind::kSilu, x); }
  Value gelu(Value x) { return unary(UnaryKind::kGelu, x); }
  Value quick_gelu(Value x) { return unary(UnaryKind::kQuickGelu, x); }
  Value relu(Value x) { return unary(UnaryKind::kRelu, x); }
  Value tanh(Value x) { return unary(UnaryKind::kTanh, x); }
  Value floor(Value x) { return unary(UnaryKind::kFloor, x); }
  Value softmax(Value x, std::int64_t axis);

  // Arithmetic, with broadcasting.
  Value binary(BinaryKind kind, Value a, Value b);
  Value add(Value a, Value b) { return binary(BinaryKind::kAdd, a, b); }
  Value sub(Value a, Value b) { return binary(BinaryKind::kSub, a, b); }
  Value mul(Value a, Value b) { return binary(BinaryKind::kMul, a, b); }
  Value div(Value a, Value b) { return binary(BinaryKind::kDiv, a, b); }
  Value add(Value a, float b) { return add(a, scalar(b)); }
  Value mul(Value a, float b) { return mul(a, scalar(b)); }
  Value div(Value a, float b) { return div(a, scalar(b)); }
  Value clamp(Value x, float low, float high);
  Value compare(CompareKind kind, Value a, Value b);
  Value select(Value condition, Value if_true, Value if_false);
  Value reduce(ReduceKind kind, Value x, std::vector<std::int64_t> axes);

  // Shape.
  Value concat(std::span<const Value> values, std::int64_t axis);
  Value concat(std::initializer_list<Value> values, std::int64_t axis) {
    return concat(std::span<const Value>(values.begin(), values.size()), axis);
  }
  Value slice(Value x, std::int64_t axis, std::int64_t begin, std::int64_t end, std::int64_t step = 1);
  /// Along a batch axis of [k * N, ...]: rows begin * N up to end * N. slice_batch(x, 0, 1) is the first half of [2N,
  /// ...].
  Value slice_batch(Value x, std::int64_t begin, std::int64_t end, std::int64_t axis = 0);
  /// The number of elements must be the same for every N.
  Value reshape(Value x, SymShape shape);
  Value transpose(Value x, std::vector<std::int64_t> order);
  /// Repeats dimensions of 1; returns x itself when it has the shape already.
  Value expand(Value x, SymShape shape);
  /// x with its leading dimension, if 1, repeated to N.
  Value expand_batch(Value x);
  /// x with its leading dimension repeated to `rows`: 1 to any number, k to k * N, every row N times in turn.
  Value with_rows(Value x, Dim rows);
  Value resize(Value x, const ResizeAttrs& attrs);
  Value pad(Value x, PadAttrs attrs);

  // The rest.
  Value embedding(Value indices, Value table);
  Value cast(Value x, DType dtype);
  Value timestep_embedding(Value timesteps, const TimestepEmbeddingAttrs& attrs);
  /// Carried values and invariants with fewer rows than the body takes are repeated.
  Value loop(LoopAttrs attrs, std::span<const Value> operands);

  void output(std::string name, Value value);

  // Copies: what lies in the graph moves when the graph grows.
  [[nodiscard]] ValueType type(Value value) const { return graph_.type(value); }
  [[nodiscard]] SymShape shape(Value value) const { return graph_.type(value).shape; }
  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }
  /// Hands the graph over; the builder is empty afterwards.
  [[nodiscard]] Graph take();

 private:
  Value emit(OpKind kind, Attrs attrs, std::vector<Value> operands, std::string name = {});
  /// x repeated to `rows`, if with_rows() can.
  Value try_rows(Value x, Dim rows);
  /// Values of one rank repeated to the rows of the largest among them.
  void meet_groups(std::initializer_list<Value*> values);
  [[nodiscard]] std::int64_t axis_of(Value x, std::int64_t axis) const;

  Graph graph_;
  std::string scope_;
};

}  // namespace comfystream::graph
