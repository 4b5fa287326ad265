// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/builder.hpp"

#include "comfystream/error.hpp"
#include "comfystream/graph/shape_rules.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::graph {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void check_source(std::string_view what, const std::string& name, const SymShape& shape,
                  const std::vector<Value>& existing, const Graph& graph) {
  const auto& dims = shape.dims();
  if (std::count_if(dims.begin(), dims.end(), [](const Dim& dim) { return dim.batch; }) > 1) {
    fail(std::string(what) + " " + name + " depends on N in more than one dimension: " + shape.to_string());
  }
  for (const auto value : existing) {
    if (graph.node(value).name == name) fail("there are two of the name " + name + " (" + std::string(what) + ")");
  }
}

constexpr Dim kOne{1};

bool starts_with_batch(const SymShape& shape) { return shape.rank() > 0 && shape[0].batch; }

bool repeats(Dim from, Dim to) {
  if (from == to) return false;
  return from == kOne || (to.batch && !from.batch && from.count == to.count);
}

}  // namespace

Builder::ScopeGuard::ScopeGuard(Builder& builder, const std::string& name, Place place)
    : builder_(builder), previous_(builder.scope_) {
  if (place == Place::kOutermost) builder.scope_.clear();
  if (!builder.scope_.empty()) builder.scope_ += '/';
  builder.scope_ += name;
}

Builder::ScopeGuard::~ScopeGuard() { builder_.scope_.swap(previous_); }

Value Builder::emit(OpKind kind, Attrs attrs, std::vector<Value> operands, std::string name) {
  std::vector<ValueType> types;
  types.reserve(operands.size());
  for (const auto operand : operands) types.push_back(graph_.type(operand));
  try {
    ValueType type = infer_type(kind, attrs, types);
    return graph_.append({kind, std::move(attrs), std::move(operands), std::move(type), std::move(name), scope_});
  } catch (const Error& error) {
    if (scope_.empty()) throw;
    throw Error(error.code(), error.message() + ", in " + scope_, error.hint());
  }
}

std::int64_t Builder::axis_of(Value x, std::int64_t axis) const {
  return axis < 0 ? axis + static_cast<std::int64_t>(shape(x).rank()) : axis;
}

Value Builder::with_rows(Value x, Dim rows) {
  SymShape wanted = shape(x);
  if (wanted.rank() > 0 && wanted[0] == rows) return x;
  if (wanted.rank() == 0 || !repeats(wanted[0], rows)) {
    fail("with_rows: " + wanted.to_string() + " cannot be repeated to " + SymShape{rows}.to_string() + " rows");
  }
  const Dim groups = wanted[0];
  wanted.dims()[0] = rows;
  if (groups == kOne) return expand(x, std::move(wanted));
  SymShape split = shape(x);
  split.dims().insert(split.dims().begin() + 1, kOne);
  const Value single = reshape(x, split);
  split.dims()[1] = kBatch;
  return reshape(expand(single, std::move(split)), std::move(wanted));
}

Value Builder::try_rows(Value x, Dim rows) {
  return shape(x).rank() > 0 && repeats(shape(x)[0], rows) ? with_rows(x, rows) : x;
}

void Builder::meet_groups(std::initializer_list<Value*> values) {
  for (const Value* one : values) {
    const SymShape like = shape(*one);
    if (!starts_with_batch(like)) continue;
    for (Value* other : values) {
      // A single row broadcasts by itself; values of another rank do not have their rows at the same axis.
      if (shape(*other).rank() == like.rank() && shape(*other)[0] != kOne) *other = try_rows(*other, like[0]);
    }
    return;
  }
}

Value Builder::input(std::string name, DType dtype, SymShape shape) {
  check_source("input", name, shape, graph_.inputs(), graph_);
  return graph_.append({OpKind::kInput, InputAttrs{}, {}, {dtype, std::move(shape)}, std::move(name), scope_});
}

Value Builder::parameter(std::string name, SymShape shape, Tensor initial) {
  check_source("parameter", name, shape, graph_.parameters(), graph_);
  const bool rows = starts_with_batch(shape) && initial.shape().rank() == shape.rank();
  const std::int64_t slots = rows ? initial.shape()[0] / shape[0].count : 1;
  if (shape.symbolic() && !starts_with_batch(shape))
    fail("parameter " + name + ": only the leading dimension may be N");
  if (initial.empty() || slots < 1 || initial.shape() != shape.at(slots)) {
    fail("parameter " + name + " of " + shape.to_string() + " cannot start as " + initial.shape().to_string());
  }
  ValueType type{initial.dtype(), std::move(shape)};
  return graph_.append(
      {OpKind::kParameter, ParameterAttrs{std::move(initial)}, {}, std::move(type), std::move(name), scope_});
}

Value Builder::constant(Tensor value, std::string name) {
  if (value.empty()) fail("constant " + name + " has no value");
  ValueType type{value.dtype(), SymShape(value.shape())};
  return graph_.append(
      {OpKind::kConstant, ConstantAttrs{std::move(value)}, {}, std::move(type), std::move(name), scope_});
}

Value Builder::weight(const Tensor& value, std::string name) {
  const Value stored = constant(value, std::move(name));
  return is_floating(value.dtype()) ? cast(stored, DType::kF32) : stored;
}

Value Builder::scalar(float value) { return constant(Tensor::scalar(value)); }

Value Builder::conv2d(Value x, Value weight, std::optional<Value> bias, const Conv2dAttrs& attrs) {
  std::vector<Value> operands{x, weight};
  if (bias) operands.push_back(*bias);
  return emit(OpKind::kConv2d, attrs, std::move(operands));
}

Value Builder::conv_transpose2d(Value x, Value weight, std::optional<Value> bias, const ConvTranspose2dAttrs& attrs) {
  std::vector<Value> operands{x, weight};
  if (bias) operands.push_back(*bias);
  return emit(OpKind::kConvTranspose2d, attrs, std::move(operands));
}

Value Builder::linear(Value x, Value weight, std::optional<Value> bias) {
  std::vector<Value> operands{x, weight};
  if (bias) operands.push_back(*bias);
  return emit(OpKind::kLinear, NoAttrs{}, std::move(operands));
}

Value Builder::matmul(Value a, Value b, bool transpose_b) {
  if (shape(a).rank() > 2) meet_groups({&a, &b});
  return emit(OpKind::kMatmul, MatmulAttrs{transpose_b}, {a, b});
}

Value Builder::attention(Value q, Value k, Value v, float scale, bool causal, std::optional<Value> mask) {
  for (const auto other : {k, v}) q = try_rows(q, shape(other).rank() > 0 ? shape(other)[0] : kOne);
  if (mask && shape(*mask).rank() == 4) q = try_rows(q, shape(*mask)[0]);
  meet_groups({&q, &k, &v});
  if (mask) meet_groups({&q, &*mask});
  std::vector<Value> operands{q, k, v};
  if (mask) operands.push_back(*mask);
  return emit(OpKind::kAttention, AttentionAttrs{scale, causal}, std::move(operands));
}

Value Builder::group_norm(Value x, Value weight, Value bias, const GroupNormAttrs& attrs) {
  return emit(OpKind::kGroupNorm, attrs, {x, weight, bias});
}

Value Builder::layer_norm(Value x, Value weight, Value bias, float epsilon) {
  return emit(OpKind::kLayerNorm, LayerNormAttrs{epsilon}, {x, weight, bias});
}

Value Builder::unary(UnaryKind kind, Value x) { return emit(OpKind::kUnary, UnaryAttrs{kind}, {x}); }

Value Builder::softmax(Value x, std::int64_t axis) {
  return emit(OpKind::kSoftmax, SoftmaxAttrs{axis_of(x, axis)}, {x});
}

Value Builder::binary(BinaryKind kind, Value a, Value b) {
  meet_groups({&a, &b});
  return emit(OpKind::kBinary, BinaryAttrs{kind}, {a, b});
}

Value Builder::clamp(Value x, float low, float high) { return emit(OpKind::kClamp, ClampAttrs{low, high}, {x}); }

Value Builder::compare(CompareKind kind, Value a, Value b) {
  meet_groups({&a, &b});
  return emit(OpKind::kCompare, CompareAttrs{kind}, {a, b});
}

Value Builder::select(Value condition, Value if_true, Value if_false) {
  meet_groups({&condition, &if_true, &if_false});
  return emit(OpKind::kSelect, NoAttrs{}, {condition, if_true, if_false});
}

Value Builder::reduce(ReduceKind kind, Value x, std::vector<std::int64_t> axes) {
  for (auto& axis : axes) axis = axis_of(x, axis);
  std::sort(axes.begin(), axes.end());
  return emit(OpKind::kReduce, ReduceAttrs{kind, std::move(axes)}, {x});
}

Value Builder::concat(std::span<const Value> values, std::int64_t axis) {
  if (values.empty()) fail("concat: nothing to join");
  axis = axis_of(values.front(), axis);
  std::vector<Value> operands(values.begin(), values.end());
  // Along another axis a part of fewer rows is repeated; along the first one rows are only joined.
  if (axis != 0) {
    for (const auto value : values) {
      if (shape(value).rank() == 0) continue;
      const Dim rows = shape(value)[0];
      for (auto& operand : operands) operand = try_rows(operand, rows);
    }
  }
  return emit(OpKind::kConcat, ConcatAttrs{axis}, std::move(operands));
}

Value Builder::slice(Value x, std::int64_t axis, std::int64_t begin, std::int64_t end, std::int64_t step) {
  return emit(OpKind::kSlice, SliceAttrs{axis_of(x, axis), begin, end, step, false}, {x});
}

Value Builder::slice_batch(Value x, std::int64_t begin, std::int64_t end, std::int64_t axis) {
  return emit(OpKind::kSlice, SliceAttrs{axis_of(x, axis), begin, end, 1, true}, {x});
}

Value Builder::reshape(Value x, SymShape wanted) {
  if (shape(x) == wanted) return x;
  return emit(OpKind::kReshape, ReshapeAttrs{std::move(wanted)}, {x});
}

Value Builder::transpose(Value x, std::vector<std::int64_t> order) {
  for (auto& axis : order) axis = axis_of(x, axis);
  return emit(OpKind::kTranspose, TransposeAttrs{std::move(order)}, {x});
}

Value Builder::expand(Value x, SymShape wanted) {
  if (shape(x) == wanted) return x;
  return emit(OpKind::kExpand, ExpandAttrs{std::move(wanted)}, {x});
}

Value Builder::expand_batch(Value x) {
  if (starts_with_batch(shape(x))) return x;
  if (shape(x).rank() == 0 || shape(x)[0] != kOne) {
    fail("expand_batch: the leading dimension of " + shape(x).to_string() + " is neither 1 nor N");
  }
  return with_rows(x, kBatch);
}

Value Builder::resize(Value x, const ResizeAttrs& attrs) { return emit(OpKind::kResize, attrs, {x}); }

Value Builder::pad(Value x, PadAttrs attrs) { return emit(OpKind::kPad, std::move(attrs), {x}); }

Value Builder::embedding(Value indices, Value table) { return emit(OpKind::kEmbedding, NoAttrs{}, {indices, table}); }

Value Builder::cast(Value x, DType dtype) {
  if (type(x).dtype == dtype) return x;
  return emit(OpKind::kCast, CastAttrs{dtype}, {x});
}

Value Builder::timestep_embedding(Value timesteps, const TimestepEmbeddingAttrs& attrs) {
  return emit(OpKind::kTimestepEmbedding, attrs, {timesteps});
}

Value Builder::loop(LoopAttrs attrs, std::span<const Value> operands) {
  std::vector<Value> given(operands.begin(), operands.end());
  if (attrs.body != nullptr && attrs.body->inputs().size() == given.size()) {
    for (std::size_t i = static_cast<std::size_t>(attrs.tables); i < given.size(); ++i) {
      const SymShape& wanted = attrs.body->type(attrs.body->inputs()[i]).shape;
      if (wanted.rank() > 0 && wanted.rank() == shape(given[i]).rank()) given[i] = try_rows(given[i], wanted[0]);
    }
  }
  return emit(OpKind::kLoop, std::move(attrs), std::move(given));
}

void Builder::output(std::string name, Value value) {
  for (const auto& output : graph_.outputs()) {
    if (output.name == name) fail("there are two outputs of the name " + name);
  }
  graph_.add_output(std::move(name), value);
}

Graph Builder::take() {
  scope_.clear();
  return std::exchange(graph_, Graph{});
}

}  // namespace comfystream::graph
