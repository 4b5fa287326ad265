// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/builder.hpp"

#include "comfystream/error.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/run_reference.hpp"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
using tests::Dice;

constexpr Dim kTwoN{2, true};

/// Values of some shape, as parameters.
struct Sources {
  Builder b;
  int count = 0;

  Value operator()(const SymShape& shape) {
    return b.parameter("p" + std::to_string(count++), shape, Tensor(DType::kF32, shape.at(1)));
  }
};

TEST(BuilderRows, OneRowMeetsAnyNumber) {
  for (const Dim rows : {kBatch, kTwoN, Dim{2}, Dim{5}}) {
    Sources p;
    Builder& b = p.b;
    SCOPED_TRACE(SymShape{rows}.to_string());
    const Value one = p({1, 4, 6});
    const Value many = p({rows, 4, 6});
    EXPECT_EQ(b.shape(b.add(one, many)), (SymShape{rows, 4, 6}));
    EXPECT_EQ(b.shape(b.concat({one, many, one}, 1)), (SymShape{rows, 12, 6}));
    EXPECT_EQ(b.shape(b.concat({many, one}, -1)), (SymShape{rows, 4, 12}));
    EXPECT_EQ(b.shape(b.select(b.compare(CompareKind::kLess, one, many), one, one)), (SymShape{rows, 4, 6}));
    EXPECT_EQ(b.shape(b.matmul(one, many, true)), (SymShape{rows, 4, 4}));
    EXPECT_EQ(b.shape(b.with_rows(one, rows)), (SymShape{rows, 4, 6}));
  }
}

TEST(BuilderRows, OneRowMeetsAnyNumberInAttention) {
  for (const Dim rows : {kBatch, kTwoN, Dim{2}, Dim{5}}) {
    Sources p;
    Builder& b = p.b;
    const Value one = p({1, 2, 4, 6});
    const Value many = p({rows, 2, 4, 6});
    const SymShape expected{rows, 2, 4, 6};
    EXPECT_EQ(b.shape(b.attention(many, one, one, 1)), expected);
    EXPECT_EQ(b.shape(b.attention(one, many, many, 1)), expected);
    EXPECT_EQ(b.shape(b.attention(one, one, many, 1)), expected);
    EXPECT_EQ(b.shape(b.attention(one, one, one, 1, false, p({rows, 1, 4, 4}))), expected);
  }
}

TEST(BuilderRows, GroupsOfOneMeetGroupsOfN) {
  Sources p;
  Builder& b = p.b;
  const Value two = p({2, 3, 4, 6});
  const Value many = p({kTwoN, 3, 4, 6});
  const SymShape expected{kTwoN, 3, 4, 6};
  EXPECT_EQ(b.shape(b.mul(two, many)), expected);
  EXPECT_EQ(b.shape(b.mul(many, two)), expected);
  EXPECT_EQ(b.shape(b.select(b.compare(CompareKind::kLess, two, many), two, two)), expected);
  EXPECT_EQ(b.shape(b.concat({two, many}, 1)), (SymShape{kTwoN, 6, 4, 6}));
  EXPECT_EQ(b.shape(b.matmul(many, two, true)), (SymShape{kTwoN, 3, 4, 4}));
  EXPECT_EQ(b.shape(b.attention(many, two, two, 1)), expected);
  EXPECT_EQ(b.shape(b.attention(two, many, two, 1)), expected);
  EXPECT_EQ(b.shape(b.attention(many, many, many, 1, false, p({2, 1, 4, 4}))), expected);
}

TEST(BuilderRows, EveryRowOfAGroupIsRepeatedForEveryFrame) {
  Builder b;
  const Value two = b.constant(Tensor::from<float>({2, 1}, std::vector<float>{10, 20}));
  const Value x = b.input("x", DType::kF32, {kBatch, 1});
  b.output("sum", b.add(b.concat({x, x}, 0), two));
  const std::vector<Tensor> frames{Tensor::from<float>({3, 1}, std::vector<float>{1, 2, 3})};
  const auto sum = tests::run_reference(b.take(), frames, 3)[0];
  EXPECT_THAT(std::vector<float>(sum.values<float>().begin(), sum.values<float>().end()),
              testing::ElementsAre(11, 12, 13, 21, 22, 23));
}

TEST(BuilderRows, OtherNumbersDoNotMeet) {
  Sources p;
  Builder& b = p.b;
  const Value two = p({2, 4});
  for (const Dim rows : {Dim{3}, kBatch, Dim{4, true}}) {
    EXPECT_THROW(b.add(two, p({rows, 4})), Error);
    EXPECT_THROW(b.concat({two, p({rows, 4})}, 1), Error);
    EXPECT_THAT([&] { b.with_rows(two, rows); },
                ThrowsMessage<Error>(AllOf(HasSubstr("with_rows: [2, 4]"), HasSubstr(SymShape{rows}.to_string()))));
  }
  EXPECT_THROW(b.with_rows(p({kBatch, 4}), Dim{1}), Error);
  EXPECT_THROW(b.with_rows(b.scalar(1), kBatch), Error);
  EXPECT_EQ(b.with_rows(two, Dim{2}), two);
}

TEST(BuilderRows, RowsAreOnlyJoinedAlongTheirOwnAxis) {
  Sources p;
  EXPECT_EQ(p.b.shape(p.b.concat({p({1, 4}), p({2, 4})}, 0)), (SymShape{3, 4}));
  EXPECT_EQ(p.b.shape(p.b.concat({p({kBatch, 4}), p({kTwoN, 4})}, 0)), (SymShape{Dim(3, true), 4}));
  EXPECT_THROW(p.b.concat({p({1, 4}), p({kBatch, 4})}, 0), Error);
}

TEST(BuilderRows, LoopsRepeatWhatTheirBodyTakesMoreOf) {
  for (const Dim rows : {kBatch, Dim{2}}) {
    Builder body;
    const Value x = body.input("x", DType::kF32, {rows, 3});
    const Value y = body.input("y", DType::kF32, {rows, 3});
    body.output("x", body.add(x, y));
    Sources p;
    LoopAttrs attrs;
    attrs.body = std::make_shared<const Graph>(body.take());
    attrs.trip_count = 2;
    attrs.carried = 1;
    EXPECT_EQ(p.b.shape(p.b.loop(attrs, std::vector<Value>{p({1, 3}), p({1, 3})})), (SymShape{rows, 3}));
  }
}

TEST(Builder, ExpandBatchTakesOneRowOrN) {
  Sources p;
  const Value many = p({kBatch, 2});
  EXPECT_EQ(p.b.expand_batch(many), many);
  EXPECT_EQ(p.b.shape(p.b.expand_batch(p({1, 2}))), (SymShape{kBatch, 2}));
  EXPECT_THAT([&] { p.b.expand_batch(p({2, 2})); }, ThrowsMessage<Error>(HasSubstr("[2, 2]")));
}

TEST(Builder, WhatChangesNothingAddsNoNode) {
  Sources p;
  const Value x = p({kBatch, 2});
  EXPECT_EQ(p.b.reshape(x, {kBatch, 2}), x);
  EXPECT_EQ(p.b.expand(x, {kBatch, 2}), x);
  EXPECT_EQ(p.b.cast(x, DType::kF32), x);
  EXPECT_EQ(p.b.graph().nodes().size(), 1U);
}

TEST(Builder, WeightsOfHalfPrecisionAreCast) {
  Builder b;
  EXPECT_EQ(b.graph().node(b.weight(Tensor(DType::kF32, {2}))).kind, OpKind::kConstant);
  EXPECT_EQ(b.graph().node(b.weight(Tensor(DType::kI32, {2}))).kind, OpKind::kConstant);
  for (const auto dtype : {DType::kF16, DType::kBF16}) {
    const Value w = b.weight(Tensor(dtype, {2}), "w");
    EXPECT_EQ(b.graph().node(w).kind, OpKind::kCast);
    EXPECT_EQ(b.type(w).dtype, DType::kF32);
    EXPECT_EQ(b.graph().node(b.graph().node(w).operands[0]).name, "w");
  }
}

TEST(Builder, ScopesNestAndAreNamedInErrors) {
  Builder b;
  const auto outer = b.scope("KSampler#7");
  {
    const auto inner = b.scope("unet");
    EXPECT_EQ(b.graph().node(b.scalar(1)).scope, "KSampler#7/unet");
  }
  {
    const auto outermost = b.outermost_scope("ControlNetApplyAdvanced#9");
    const auto inner = b.scope("controlnet");
    EXPECT_EQ(b.graph().node(b.scalar(1)).scope, "ControlNetApplyAdvanced#9/controlnet");
  }
  EXPECT_EQ(b.graph().node(b.scalar(1)).scope, "KSampler#7");
  EXPECT_THAT([&] { b.linear(b.scalar(1), b.scalar(1)); }, ThrowsMessage<Error>(HasSubstr(", in KSampler#7")));
}

TEST(Builder, RefusesSourcesThatCannotBe) {
  Builder b;
  const Tensor four(DType::kF32, {4});
  (void)b.input("x", DType::kF32, {kBatch});
  (void)b.parameter("p", {4}, four);
  EXPECT_THAT([&] { b.input("x", DType::kU8, {1}); }, ThrowsMessage<Error>(HasSubstr("two of the name x")));
  EXPECT_THAT([&] { b.parameter("p", {4}, four); }, ThrowsMessage<Error>(HasSubstr("two of the name p")));
  EXPECT_THAT([&] { b.input("y", DType::kF32, {kBatch, kBatch}); }, ThrowsMessage<Error>(HasSubstr("[N, N]")));
  EXPECT_THAT([&] { b.parameter("q", {3}, four); },
              ThrowsMessage<Error>(AllOf(HasSubstr("parameter q"), HasSubstr("[3]"), HasSubstr("[4]"))));
  EXPECT_THROW(b.parameter("r", {4, kBatch}, Tensor(DType::kF32, {4, 1})), Error);
  EXPECT_THROW(b.parameter("s", {4}, Tensor()), Error);
  EXPECT_THROW(b.parameter("t", {kTwoN}, Tensor(DType::kF32, {3})), Error);
  EXPECT_NO_THROW(b.parameter("u", {kTwoN}, four));
  EXPECT_THROW(b.constant(Tensor()), Error);
  const Value p = b.parameter("v", {1}, Tensor(DType::kF32, {1}));
  b.output("y", p);
  EXPECT_THAT([&] { b.output("y", p); }, ThrowsMessage<Error>(HasSubstr("two outputs of the name y")));
}

TEST(Graph, RefusesOperandsThatDoNotPrecede) {
  Graph graph;
  EXPECT_THROW(graph.append({OpKind::kUnary, UnaryAttrs{UnaryKind::kTanh}, {Value{0}}, {}, "", ""}), Error);
  EXPECT_THROW(graph.add_output("y", Value{0}), Error);
}

}  // namespace
}  // namespace comfystream::graph
