// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/shape_rules_detail.hpp"

namespace comfystream::graph::detail {
namespace {

constexpr std::initializer_list<DType> kNumbers{DType::kF32, DType::kI32, DType::kI64};

void require_vectors(const Rule& rule, const Dim& length) {
  for (std::size_t i = 1; i < 3; ++i) {
    if (rule.shape(i) != SymShape{length}) rule.fail("weight and bias must be [" + std::to_string(length.count) + "]");
  }
}

}  // namespace

ValueType group_norm(const Rule& rule) {
  rule.require_count(3, 3);
  rule.require_f32();
  const auto& a = rule.attributes<GroupNormAttrs>();
  const auto& x = rule.shape(0);
  rule.require(x.rank() >= 2 && !x[1].batch, "the input must be [N, C, ...]");
  rule.require(a.groups > 0 && x[1].count % a.groups == 0, "the channels do not divide into the groups");
  require_vectors(rule, x[1]);
  return rule.operands[0];
}

ValueType layer_norm(const Rule& rule) {
  rule.require_count(3, 3);
  rule.require_f32();
  (void)rule.attributes<LayerNormAttrs>();
  const auto& x = rule.shape(0);
  rule.require(x.rank() >= 1 && !x.dims().back().batch, "the last dimension must be fixed");
  require_vectors(rule, x.dims().back());
  return rule.operands[0];
}

ValueType unary(const Rule& rule) {
  rule.require_count(1, 1);
  rule.require_f32();
  (void)rule.attributes<UnaryAttrs>();
  return rule.operands[0];
}

ValueType binary(const Rule& rule) {
  rule.require_count(2, 2);
  const auto kind = rule.attributes<BinaryAttrs>().kind;
  rule.require_dtype(0, kNumbers);
  rule.require_same_dtype();
  if (kind == BinaryKind::kDiv || kind == BinaryKind::kPow) rule.require_f32();
  return {rule.dtype(0), rule.broadcast(rule.shape(0), rule.shape(1))};
}

ValueType clamp(const Rule& rule) {
  rule.require_count(1, 1);
  rule.require_f32();
  const auto& a = rule.attributes<ClampAttrs>();
  rule.require(a.low <= a.high, "low is above high");
  return rule.operands[0];
}

ValueType compare(const Rule& rule) {
  rule.require_count(2, 2);
  (void)rule.attributes<CompareAttrs>();
  rule.require_dtype(0, {DType::kF32, DType::kI32, DType::kI64, DType::kU8});
  rule.require_same_dtype();
  return {DType::kBool, rule.broadcast(rule.shape(0), rule.shape(1))};
}

ValueType select(const Rule& rule) {
  rule.require_count(3, 3);
  rule.require_dtype(0, {DType::kBool});
  rule.require(rule.dtype(1) == rule.dtype(2), "both choices must be of one type");
  return {rule.dtype(1), rule.broadcast(rule.shape(0), rule.broadcast(rule.shape(1), rule.shape(2)))};
}

ValueType reduce(const Rule& rule) {
  rule.require_count(1, 1);
  const auto& a = rule.attributes<ReduceAttrs>();
  if (a.kind == ReduceKind::kMean) rule.require_f32();
  rule.require_dtype(0, kNumbers);
  SymShape shape = rule.shape(0);
  for (const auto axis : a.axes) {
    Dim& dim = shape.dims()[rule.require_axis(axis, shape.rank())];
    rule.require(!dim.batch, "frames must not be mixed: the axis depends on N");
    rule.require(dim.count > 0, "the axis is empty");
    dim = Dim{1};
  }
  return {rule.dtype(0), std::move(shape)};
}

ValueType softmax(const Rule& rule) {
  rule.require_count(1, 1);
  rule.require_f32();
  const auto axis = rule.require_axis(rule.attributes<SoftmaxAttrs>().axis, rule.shape(0).rank());
  rule.require(!rule.shape(0)[axis].batch, "frames must not be mixed: the axis depends on N");
  return rule.operands[0];
}

ValueType cast(const Rule& rule) {
  rule.require_count(1, 1);
  return {rule.attributes<CastAttrs>().dtype, rule.shape(0)};
}

ValueType timestep_embedding(const Rule& rule) {
  rule.require_count(1, 1);
  rule.require_f32();
  rule.require_rank(0, 1);
  const auto& a = rule.attributes<TimestepEmbeddingAttrs>();
  const std::int64_t half = a.dim / 2;
  rule.require(a.dim >= 2 && a.max_period > 0 && a.downscale_freq_shift < static_cast<float>(half),
               "dim must be 2 or more, the shift below half of it, max_period positive");
  return {DType::kF32, {rule.shape(0)[0], a.dim}};
}

ValueType loop(const Rule& rule) {
  const auto& a = rule.attributes<LoopAttrs>();
  rule.require(a.body != nullptr && a.trip_count > 0 && a.tables >= 0 && a.carried > 0,
               "needs a body, a positive trip count and something to carry");
  const auto& body = *a.body;
  rule.require(body.parameters().empty(), "the body must take its parameters as operands");
  rule.require(body.inputs().size() == rule.operands.size() && a.tables + a.carried <= std::ssize(rule.operands),
               "the body's inputs are not one for each operand");
  rule.require(std::ssize(body.outputs()) == a.carried, "the body's outputs are not one for each carried value");
  for (std::size_t i = 0; i < rule.operands.size(); ++i) {
    ValueType seen = rule.operands[i];
    if (static_cast<std::int64_t>(i) < a.tables) {
      rule.require(seen.shape.rank() >= 1 && seen.shape[0] == Dim{a.trip_count}, "a table needs a row per iteration");
      seen.shape.dims().erase(seen.shape.dims().begin());
    }
    const auto& wanted = body.type(body.inputs()[i]);
    if (seen != wanted) {
      rule.fail("the body's input " + std::to_string(i) + " is " + std::string(to_string(wanted.dtype)) + " " +
                wanted.shape.to_string());
    }
  }
  for (std::size_t i = 0; i < body.outputs().size(); ++i) {
    const auto input = body.inputs()[static_cast<std::size_t>(a.tables) + i];
    rule.require(body.type(body.outputs()[i].value) == body.type(input), "a carried value changes its type");
  }
  return rule.operands[static_cast<std::size_t>(a.tables)];
}

}  // namespace comfystream::graph::detail
