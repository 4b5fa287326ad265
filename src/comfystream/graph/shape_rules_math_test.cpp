// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/builder.hpp"
#include "comfystream/graph/shape_rules_test.hpp"

#include <memory>

namespace comfystream::graph {
namespace {

constexpr Dim kTwoN{2, true};
const SymShape kMap{kBatch, 6, 5, 4};

TEST(ShapeRules, GroupNorm) {
  const Op norm{OpKind::kGroupNorm, GroupNormAttrs{3}, {f32(kMap), f32({6}), f32({6})}};
  expect_shape(norm, kMap);
  expect_counted(norm);
  expect_f32_only(norm);
  Op other = norm;
  other.attrs = GroupNormAttrs{4};
  expect_refused(other, {"group_norm", "do not divide into the groups"});
  other.attrs = GroupNormAttrs{0};
  expect_refused(other, {"do not divide"});
  other = norm;
  other.operands[1] = f32({5});
  expect_refused(other, {"weight and bias must be [6]"});
  other.operands[0] = f32({6});
  expect_refused(other, {"[N, C, ...]"});
  other.operands[0] = f32({6, kBatch});
  expect_refused(other, {"[N, C, ...]"});
}

TEST(ShapeRules, LayerNorm) {
  const Op norm{OpKind::kLayerNorm, LayerNormAttrs{}, {f32({kTwoN, 77, 6}), f32({6}), f32({6})}};
  expect_shape(norm, {kTwoN, 77, 6});
  expect_counted(norm);
  expect_f32_only(norm);
  Op other = norm;
  other.operands[2] = f32({1});
  expect_refused(other, {"layer_norm", "weight and bias must be [6]"});
  other.operands[0] = f32({6, kBatch});
  expect_refused(other, {"last dimension must be fixed"});
  other.operands[0] = f32({});
  expect_refused(other, {"last dimension"});
}

TEST(ShapeRules, UnaryAndClamp) {
  const Op tanh{OpKind::kUnary, UnaryAttrs{UnaryKind::kTanh}, {f32(kMap)}};
  expect_shape(tanh, kMap);
  expect_counted({OpKind::kUnary, UnaryAttrs{UnaryKind::kTanh}, {f32(kMap)}});
  expect_f32_only(tanh);
  expect_refused({OpKind::kUnary, UnaryAttrs{UnaryKind::kGeluTanh}, {}}, {"gelu_tanh: takes 1 operands, not 0"});
  expect_refused({OpKind::kUnary, NoAttrs{}, {f32(kMap)}}, {"another operation's"});

  const Op clamp{OpKind::kClamp, ClampAttrs{-1, 1}, {f32(kMap)}};
  expect_shape(clamp, kMap);
  expect_f32_only(clamp);
  expect_refused({OpKind::kClamp, ClampAttrs{1, -1}, {f32(kMap)}}, {"clamp", "low is above high"});
  expect_refused({OpKind::kClamp, ClampAttrs{0, NAN}, {f32(kMap)}}, {"low is above high"});
}

Op binary(BinaryKind kind, ValueType a, ValueType b) {
  return {OpKind::kBinary, BinaryAttrs{kind}, {std::move(a), std::move(b)}};
}

TEST(ShapeRules, Binary) {
  expect_shape(binary(BinaryKind::kAdd, f32(kMap), f32({6, 1, 4})), kMap);
  expect_shape(binary(BinaryKind::kSub, f32({}), f32({kTwoN})), {kTwoN});
  expect_shape(binary(BinaryKind::kMul, f32({1, 3, 1}), f32({kBatch, 1, 4})), {kBatch, 3, 4});
  for (const auto dtype : {DType::kI32, DType::kI64}) {
    EXPECT_EQ(binary(BinaryKind::kAdd, typed(dtype, {2}), typed(dtype, {1})).type(), typed(dtype, {2}));
    expect_refused(binary(BinaryKind::kDiv, typed(dtype, {2}), typed(dtype, {1})), {"div", "must be f32"});
    expect_refused(binary(BinaryKind::kPow, typed(dtype, {2}), typed(dtype, {1})), {"pow", "must be f32"});
  }
  expect_counted(binary(BinaryKind::kMax, f32({2}), f32({2})));
  expect_refused(binary(BinaryKind::kMin, f32({2}), typed(DType::kI32, {2})), {"min", "one type"});
  expect_refused(binary(BinaryKind::kAdd, typed(DType::kU8, {2}), typed(DType::kU8, {2})),
                 {"add", "f32 or i32 or i64"});
  expect_refused(binary(BinaryKind::kAdd, f32({2}), f32({3})), {"[2]", "[3]", "do not broadcast"});
  expect_refused(binary(BinaryKind::kAdd, f32({kBatch}), f32({kTwoN})), {"do not broadcast"});
  expect_refused(binary(BinaryKind::kAdd, f32({kBatch}), f32({2})), {"do not broadcast"});
  expect_refused(binary(BinaryKind::kAdd, f32({kBatch, 1}), f32({kBatch})), {"more than one dimension"});
}

TEST(ShapeRules, CompareAndSelect) {
  const Attrs less = CompareAttrs{CompareKind::kLess};
  for (const auto dtype : {DType::kF32, DType::kI32, DType::kI64, DType::kU8}) {
    EXPECT_EQ((Op{OpKind::kCompare, less, {typed(dtype, {kBatch, 1}), typed(dtype, {3})}}).type(),
              typed(DType::kBool, {kBatch, 3}));
  }
  expect_refused({OpKind::kCompare, less, {f32({2}), typed(DType::kU8, {2})}}, {"less", "one type"});
  expect_refused({OpKind::kCompare, less, {typed(DType::kBool, {2}), typed(DType::kBool, {2})}}, {"less", "must be"});

  const auto select = [](ValueType condition, ValueType a, ValueType b) {
    return Op{OpKind::kSelect, NoAttrs{}, {std::move(condition), std::move(a), std::move(b)}};
  };
  expect_shape(select(typed(DType::kBool, {kBatch, 1}), f32({4}), f32({})), {kBatch, 4});
  EXPECT_EQ(select(typed(DType::kBool, {}), typed(DType::kU8, {2}), typed(DType::kU8, {2})).type().dtype, DType::kU8);
  expect_counted(select(typed(DType::kBool, {2}), f32({2}), f32({2})));
  expect_refused(select(f32({2}), f32({2}), f32({2})), {"select", "operand 0 must be bool"});
  expect_refused(select(typed(DType::kBool, {2}), f32({2}), typed(DType::kI32, {2})), {"one type"});
  expect_refused(select(typed(DType::kBool, {2}), f32({2}), f32({3})), {"do not broadcast"});
}

TEST(ShapeRules, Reduce) {
  const auto reduce = [](ReduceKind kind, ValueType x, std::vector<std::int64_t> axes) {
    return Op{OpKind::kReduce, ReduceAttrs{kind, std::move(axes)}, {std::move(x)}};
  };
  expect_shape(reduce(ReduceKind::kMean, f32(kMap), {1, 3}), {kBatch, 1, 5, 1});
  expect_shape(reduce(ReduceKind::kMax, f32(kMap), {}), kMap);
  EXPECT_EQ(reduce(ReduceKind::kSum, typed(DType::kI64, {4}), {0}).type(), typed(DType::kI64, {1}));
  expect_refused(reduce(ReduceKind::kMean, typed(DType::kI64, {4}), {0}), {"reduce_mean", "must be f32"});
  expect_refused(reduce(ReduceKind::kMin, typed(DType::kU8, {4}), {0}), {"reduce_min", "must be"});
  expect_refused(reduce(ReduceKind::kMin, f32(kMap), {4}), {"no axis 4"});
  expect_refused(reduce(ReduceKind::kMin, f32(kMap), {-1}), {"no axis -1"});
  expect_refused(reduce(ReduceKind::kMin, f32(kMap), {0}), {"frames must not be mixed"});
  expect_refused(reduce(ReduceKind::kMin, f32({kBatch, 0}), {1}), {"axis is empty"});
}

TEST(ShapeRules, SoftmaxAndCast) {
  expect_shape({OpKind::kSoftmax, SoftmaxAttrs{1}, {f32(kMap)}}, kMap);
  expect_refused({OpKind::kSoftmax, SoftmaxAttrs{0}, {f32(kMap)}}, {"softmax", "frames must not be mixed"});
  expect_refused({OpKind::kSoftmax, SoftmaxAttrs{4}, {f32(kMap)}}, {"no axis 4"});
  expect_f32_only({OpKind::kSoftmax, SoftmaxAttrs{1}, {f32(kMap)}});
  EXPECT_EQ((Op{OpKind::kCast, CastAttrs{DType::kU8}, {f32(kMap)}}).type(), typed(DType::kU8, kMap));
  expect_counted({OpKind::kCast, CastAttrs{DType::kU8}, {f32(kMap)}});
}

TEST(ShapeRules, TimestepEmbedding) {
  const auto embed = [](TimestepEmbeddingAttrs attrs, SymShape x) {
    return Op{OpKind::kTimestepEmbedding, attrs, {f32(std::move(x))}};
  };
  expect_shape(embed({320}, {kBatch}), {kBatch, 320});
  expect_shape(embed({5}, {1}), {1, 5});
  expect_f32_only(embed({320}, {kBatch}));
  expect_refused(embed({320}, {kBatch, 1}), {"timestep_embedding", "rank 1"});
  expect_refused(embed({1}, {kBatch}), {"dim must be 2 or more"});
  expect_refused(embed({4, true, 2.0F}, {kBatch}), {"shift below half"});
  expect_refused(embed({4, true, 0.0F, 0.0F}, {kBatch}), {"max_period positive"});
}

class LoopRule : public ::testing::Test {
 protected:
  /// A body of a table's row, one carried value and one invariant, all [N, 3].
  LoopRule() {
    Builder body;
    const Value row = body.input("row", DType::kF32, {1, 3});
    const Value x = body.input("x", DType::kF32, {kBatch, 3});
    const Value fixed = body.input("fixed", DType::kF32, {3});
    body.output("x", body.add(body.mul(x, row), fixed));
    set_body(body);
  }
  void set_body(Builder& body) { attrs_.body = std::make_shared<const Graph>(body.take()); }
  [[nodiscard]] Op loop() const { return {OpKind::kLoop, attrs_, operands_}; }

  LoopAttrs attrs_{nullptr, 5, 1, 1};
  std::vector<ValueType> operands_{f32({5, 1, 3}), f32({kBatch, 3}), f32({3})};
};

TEST_F(LoopRule, GivesTheFirstCarriedValue) { expect_shape(loop(), {kBatch, 3}); }

TEST_F(LoopRule, RefusesWhatCannotRun) {
  attrs_.trip_count = 0;
  expect_refused(loop(), {"loop", "positive trip count"});
  attrs_.trip_count = 4;
  expect_refused(loop(), {"a row per iteration"});
  attrs_ = {attrs_.body, 5, 1, 0};
  expect_refused(loop(), {"something to carry"});
  attrs_ = {attrs_.body, 5, 1, 2};
  expect_refused(loop(), {"outputs are not one for each carried"});
  attrs_ = {nullptr, 5, 1, 1};
  expect_refused(loop(), {"needs a body"});
}

TEST_F(LoopRule, RefusesOperandsThatTheBodyDoesNotTake) {
  operands_[1] = f32({1, 3});
  expect_refused(loop(), {"input 1 is f32 [N, 3]"});
  operands_.pop_back();
  expect_refused(loop(), {"inputs are not one for each operand"});
}

TEST_F(LoopRule, RefusesBodiesThatChangeTheirStateOrHaveParameters) {
  Builder body;
  (void)body.input("row", DType::kF32, {1, 3});
  const Value x = body.input("x", DType::kF32, {kBatch, 3});
  (void)body.input("fixed", DType::kF32, {3});
  body.output("x", body.reshape(x, {kBatch, 1, 3}));
  set_body(body);
  expect_refused(loop(), {"changes its type"});

  Builder other;
  other.output("x", other.parameter("p", {1}, Tensor::from<float>({1}, std::vector<float>{1})));
  set_body(other);
  expect_refused(loop(), {"parameters as operands"});
}

TEST(ShapeRules, SourcesHaveNone) {
  for (const auto kind : {OpKind::kInput, OpKind::kParameter, OpKind::kConstant}) {
    expect_refused({kind, NoAttrs{}, {}}, {"source"});
  }
}

}  // namespace
}  // namespace comfystream::graph
