// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/shape_rules.hpp"

#include "comfystream/error.hpp"
#include "comfystream/graph/shape_rules_detail.hpp"

#include <algorithm>

namespace comfystream::graph {
namespace detail {

void Rule::fail(const std::string& why) const {
  std::string text(to_string(kind));
  if (const auto* a = std::get_if<UnaryAttrs>(&attrs)) text = to_string(a->kind);
  if (const auto* a = std::get_if<BinaryAttrs>(&attrs)) text = to_string(a->kind);
  if (const auto* a = std::get_if<CompareAttrs>(&attrs)) text = to_string(a->kind);
  if (const auto* a = std::get_if<ReduceAttrs>(&attrs)) text = to_string(a->kind);
  text += ": " + why + "; operands";
  for (std::size_t i = 0; i < operands.size(); ++i) {
    text += (i == 0 ? " " : ", ") + std::string(to_string(dtype(i))) + " " + shape(i).to_string();
  }
  throw Error(ErrorCode::kInvalidArgument, text);
}

void Rule::require_count(std::size_t least, std::size_t most) const {
  if (operands.size() >= least && operands.size() <= most) return;
  const std::string wanted =
      least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most);
  fail("takes " + wanted + " operands, not " + std::to_string(operands.size()));
}

void Rule::require_rank(std::size_t index, std::size_t rank) const {
  if (shape(index).rank() == rank) return;
  fail("operand " + std::to_string(index) + " must have rank " + std::to_string(rank));
}

void Rule::require_dtype(std::size_t index, std::initializer_list<DType> allowed) const {
  if (std::find(allowed.begin(), allowed.end(), dtype(index)) != allowed.end()) return;
  std::string wanted;
  for (const auto one : allowed) wanted += (wanted.empty() ? "" : " or ") + std::string(to_string(one));
  fail("operand " + std::to_string(index) + " must be " + wanted + " (cast it first)");
}

void Rule::require_f32() const {
  for (std::size_t i = 0; i < operands.size(); ++i) require_dtype(i, {DType::kF32});
}

void Rule::require_same_dtype() const {
  for (const auto& operand : operands) require(operand.dtype == dtype(0), "operands must be of one type");
}

std::size_t Rule::require_axis(std::int64_t axis, std::size_t rank) const {
  if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) fail("there is no axis " + std::to_string(axis));
  return static_cast<std::size_t>(axis);
}

SymShape Rule::broadcast(const SymShape& a, const SymShape& b) const {
  auto shape = try_broadcast(a, b);
  if (!shape) fail("shapes " + a.to_string() + " and " + b.to_string() + " do not broadcast");
  return *shape;
}

namespace {

ValueType dispatch(const Rule& rule) {
  switch (rule.kind) {
    case OpKind::kInput:
    case OpKind::kParameter:
    case OpKind::kConstant:
      rule.fail("a source has no operands to infer its type from");
    case OpKind::kConv2d:
      return conv2d(rule);
    case OpKind::kConvTranspose2d:
      return conv_transpose2d(rule);
    case OpKind::kLinear:
      return linear(rule);
    case OpKind::kMatmul:
      return matmul(rule);
    case OpKind::kAttention:
      return attention(rule);
    case OpKind::kGroupNorm:
      return group_norm(rule);
    case OpKind::kLayerNorm:
      return layer_norm(rule);
    case OpKind::kUnary:
      return unary(rule);
    case OpKind::kBinary:
      return binary(rule);
    case OpKind::kClamp:
      return clamp(rule);
    case OpKind::kCompare:
      return compare(rule);
    case OpKind::kSelect:
      return select(rule);
    case OpKind::kConcat:
      return concat(rule);
    case OpKind::kSlice:
      return slice(rule);
    case OpKind::kReshape:
      return reshape(rule);
    case OpKind::kTranspose:
      return transpose(rule);
    case OpKind::kExpand:
      return expand(rule);
    case OpKind::kResize:
      return resize(rule);
    case OpKind::kPad:
      return pad(rule);
    case OpKind::kEmbedding:
      return embedding(rule);
    case OpKind::kReduce:
      return reduce(rule);
    case OpKind::kSoftmax:
      return softmax(rule);
    case OpKind::kCast:
      return cast(rule);
    case OpKind::kTimestepEmbedding:
      return timestep_embedding(rule);
    case OpKind::kLoop:
      return loop(rule);
  }
  rule.fail("unknown operation");
}

}  // namespace
}  // namespace detail

ValueType infer_type(OpKind kind, const Attrs& attrs, std::span<const ValueType> operands) {
  const detail::Rule rule{kind, attrs, operands};
  ValueType type = detail::dispatch(rule);
  const auto& dims = type.shape.dims();
  if (std::count_if(dims.begin(), dims.end(), [](const Dim& dim) { return dim.batch; }) > 1) {
    rule.fail("the result " + type.shape.to_string() + " would depend on N in more than one dimension");
  }
  return type;
}

}  // namespace comfystream::graph
