// SPDX-License-Identifier: Apache-2.0
// What is defined to the last bit, by hand-made values: casts, comparisons, whole numbers, NaN and infinities, loops.
#include "comfystream/graph/builder.hpp"
#include "tests/support/run_reference.hpp"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend::reference {
namespace {

using graph::Builder;
using graph::Value;
using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

template <typename T>
std::vector<T> list(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

template <typename T>
Tensor row(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<std::int64_t>(values.size())}, values);
}

/// One operation on values that are not folded.
Tensor run(const std::vector<Tensor>& operands, const std::function<Value(Builder&, std::span<const Value>)>& build) {
  Builder b;
  std::vector<Value> values;
  values.reserve(operands.size());
  for (const auto& operand : operands) {
    values.push_back(b.parameter("p" + std::to_string(values.size()), graph::SymShape(operand.shape()), operand));
  }
  b.output("y", build(b, values));
  return tests::run_reference(b.take(), {}, 1)[0];
}

Tensor cast(const Tensor& tensor, DType dtype) {
  return run({tensor}, [&](auto& b, auto x) { return b.cast(x[0], dtype); });
}

TEST(ReferenceCast, FloatToU8TruncatesAndSaturates) {
  const auto values = row<float>({0, 0.99F, 1, 254.9F, 255, 256, 1e9F, -0.5F, -1, kInf, -kInf, kNan});
  EXPECT_THAT(list<std::uint8_t>(cast(values, DType::kU8)), ElementsAre(0, 0, 1, 254, 255, 255, 255, 0, 0, 255, 0, 0));
}

TEST(ReferenceCast, FloatToIntegersTruncatesAndSaturates) {
  constexpr auto kMin32 = std::numeric_limits<std::int32_t>::min();
  constexpr auto kMax32 = std::numeric_limits<std::int32_t>::max();
  const auto values = row<float>({-1.9F, 1.9F, 2147483520.0F, 2147483648.0F, -2147483648.0F, -3e9F, kInf, kNan});
  EXPECT_THAT(list<std::int32_t>(cast(values, DType::kI32)),
              ElementsAre(-1, 1, 2147483520, kMax32, kMin32, kMin32, kMax32, 0));
  const auto large = row<float>({-1.9F, 9223371487098961920.0F, 9223372036854775808.0F, -kInf});
  EXPECT_THAT(list<std::int64_t>(cast(large, DType::kI64)),
              ElementsAre(-1, 9223371487098961920, std::numeric_limits<std::int64_t>::max(),
                          std::numeric_limits<std::int64_t>::min()));
}

TEST(ReferenceCast, BetweenFloatsRoundsToNearestEven) {
  const auto values = row<float>({1.0F / 3.0F, 65520.0F, -0.0F, 2049, 2051});
  EXPECT_THAT(list<std::uint16_t>(cast(values, DType::kF16)), ElementsAre(0x3555, 0x7C00, 0x8000, 0x6800, 0x6802));
  EXPECT_THAT(list<std::uint16_t>(cast(values, DType::kBF16)), ElementsAre(0x3EAB, 0x4780, 0x8000, 0x4500, 0x4500));
  EXPECT_THAT(list<float>(cast(cast(values, DType::kF16), DType::kF32)),
              ElementsAre(0.333251953125F, kInf, 0, 2048, 2052));
  EXPECT_THAT(list<std::uint16_t>(cast(cast(values, DType::kF16), DType::kBF16)),
              ElementsAre(0x3EAB, 0x7F80, 0x8000, 0x4500, 0x4500));
}

TEST(ReferenceCast, BoolsAreWhatIsNotZero) {
  EXPECT_THAT(list<std::uint8_t>(cast(row<float>({0, -0.0F, 0.1F, kNan}), DType::kBool)), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(list<std::uint8_t>(cast(row<std::int64_t>({0, 1LL << 40}), DType::kBool)), ElementsAre(0, 1));
  const Tensor odd = Tensor::borrow(DType::kBool, {2}, std::as_bytes(std::span("\x7\0", 2)), nullptr);
  EXPECT_THAT(list<float>(cast(odd, DType::kF32)), ElementsAre(1, 0));
}

TEST(ReferenceCast, IntegersWrapAndWiden) {
  EXPECT_THAT(list<std::uint8_t>(cast(row<std::int32_t>({255, 256, -1}), DType::kU8)), ElementsAre(255, 0, 255));
  EXPECT_THAT(list<std::int32_t>(cast(row<std::int64_t>({(1LL << 32) + 5, -7}), DType::kI32)), ElementsAre(5, -7));
  EXPECT_THAT(list<std::int64_t>(cast(row<std::uint8_t>({200}), DType::kI64)), ElementsAre(200));
  EXPECT_THAT(list<float>(cast(row<std::int32_t>({16777217}), DType::kF32)), ElementsAre(16777216.0F));
}

TEST(ReferenceCompare, EveryKindOnEveryType) {
  const auto compare = [](const Tensor& a, const Tensor& b, graph::CompareKind kind) {
    return list<std::uint8_t>(run({a, b}, [&](auto& builder, auto x) { return builder.compare(kind, x[0], x[1]); }));
  };
  const auto check = [&](const Tensor& a, const Tensor& b) {
    EXPECT_THAT(compare(a, b, graph::CompareKind::kLess), ElementsAre(1, 0, 0));
    EXPECT_THAT(compare(a, b, graph::CompareKind::kLessEqual), ElementsAre(1, 1, 0));
    EXPECT_THAT(compare(a, b, graph::CompareKind::kGreater), ElementsAre(0, 0, 1));
    EXPECT_THAT(compare(a, b, graph::CompareKind::kGreaterEqual), ElementsAre(0, 1, 1));
    EXPECT_THAT(compare(a, b, graph::CompareKind::kEqual), ElementsAre(0, 1, 0));
  };
  check(row<float>({1, 2, 3}), row<float>({2}));
  check(row<std::int32_t>({-1, 2, 3}), row<std::int32_t>({2}));
  check(row<std::int64_t>({-1, 2, 1LL << 40}), row<std::int64_t>({2}));
  check(row<std::uint8_t>({1, 2, 200}), row<std::uint8_t>({2}));
  EXPECT_THAT(compare(row<float>({kNan, kNan, -kInf}), row<float>({0}), graph::CompareKind::kLessEqual),
              ElementsAre(0, 0, 1));
}

TEST(ReferenceArithmetic, WholeNumbersWrap) {
  const auto apply = [](graph::BinaryKind kind, const Tensor& a, const Tensor& b) {
    return run({a, b}, [&](auto& builder, auto x) { return builder.binary(kind, x[0], x[1]); });
  };
  constexpr auto kMax = std::numeric_limits<std::int32_t>::max();
  const auto a = row<std::int32_t>({7, kMax, -5});
  const auto b = row<std::int32_t>({3, 2, 9});
  EXPECT_THAT(list<std::int32_t>(apply(graph::BinaryKind::kAdd, a, b)), ElementsAre(10, -kMax, 4));
  EXPECT_THAT(list<std::int32_t>(apply(graph::BinaryKind::kSub, b, a)), ElementsAre(-4, 3 - kMax - 1, 14));
  EXPECT_THAT(list<std::int32_t>(apply(graph::BinaryKind::kMul, a, b)), ElementsAre(21, -2, -45));
  EXPECT_THAT(list<std::int32_t>(apply(graph::BinaryKind::kMin, a, b)), ElementsAre(3, 2, -5));
  EXPECT_THAT(list<std::int32_t>(apply(graph::BinaryKind::kMax, a, b)), ElementsAre(7, kMax, 9));
  EXPECT_THAT(
      list<std::int64_t>(apply(graph::BinaryKind::kMul, row<std::int64_t>({1LL << 40}), row<std::int64_t>({3}))),
      ElementsAre(3LL << 40));
}

TEST(ReferenceArithmetic, WholeNumbersReduce) {
  const auto reduce = [](graph::ReduceKind kind, const Tensor& x) {
    return run({x}, [&](auto& b, auto v) { return b.reduce(kind, v[0], {0}); });
  };
  const auto values = row<std::int64_t>({5, -(1LL << 53) - 1, 7});
  EXPECT_THAT(list<std::int64_t>(reduce(graph::ReduceKind::kSum, values)), ElementsAre(11 - (1LL << 53)));
  EXPECT_THAT(list<std::int64_t>(reduce(graph::ReduceKind::kMin, values)), ElementsAre(-(1LL << 53) - 1));
  EXPECT_THAT(list<std::int64_t>(reduce(graph::ReduceKind::kMax, values)), ElementsAre(7));
  EXPECT_THAT(list<std::int32_t>(
                  reduce(graph::ReduceKind::kSum, row<std::int32_t>({std::numeric_limits<std::int32_t>::max(), 1}))),
              ElementsAre(std::numeric_limits<std::int32_t>::min()));
}

TEST(ReferenceSpecials, NanIsNeverLost) {
  const auto a = row<float>({kNan, 1, kNan});
  const auto b = row<float>({1, kNan, kNan});
  for (const auto kind : {graph::BinaryKind::kMin, graph::BinaryKind::kMax}) {
    const auto y = list<float>(run({a, b}, [&](auto& builder, auto x) { return builder.binary(kind, x[0], x[1]); }));
    EXPECT_THAT(y, testing::Each(testing::IsNan()));
  }
  for (const auto kind : {graph::ReduceKind::kMin, graph::ReduceKind::kMax, graph::ReduceKind::kMean}) {
    for (const auto& values : {row<float>({kNan, 1}), row<float>({1, kNan}), row<float>({0, kNan, 2})}) {
      EXPECT_TRUE(std::isnan(
          run({values}, [&](auto& builder, auto x) { return builder.reduce(kind, x[0], {0}); }).values<float>()[0]));
    }
  }
  EXPECT_TRUE(std::isnan(run({a}, [](auto& builder, auto x) { return builder.clamp(x[0], 0, 1); }).values<float>()[0]));
  EXPECT_TRUE(std::isnan(run({a}, [](auto& builder, auto x) { return builder.relu(x[0]); }).values<float>()[0]));
}

TEST(ReferenceSpecials, HalvesRoundToEven) {
  const auto y = run({row<float>({0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 0.49999997F})},
                     [](auto& b, auto x) { return b.unary(graph::UnaryKind::kRound, x[0]); });
  EXPECT_THAT(list<float>(y), ElementsAre(0, 2, 2, 0, -2, 0));
}

TEST(ReferenceSpecials, SoftmaxOfLargeValuesIsFinite) {
  const auto y = run({row<float>({1000, 1000, -1000})}, [](auto& b, auto x) { return b.softmax(x[0], 0); });
  EXPECT_THAT(list<float>(y), ElementsAre(0.5F, 0.5F, 0));
}

TEST(ReferenceSpecials, ARowThatAttendsToNothingIsNan) {
  const Tensor one = Tensor::from<float>({1, 1, 1, 2}, std::vector<float>{1, 2});
  const auto y =
      run({one, row<float>({-kInf})}, [](auto& b, auto x) { return b.attention(x[0], x[0], x[0], 1.0F, false, x[1]); });
  EXPECT_THAT(list<float>(y), testing::Each(testing::IsNan()));
}

TEST(ReferenceLoop, CarriesValuesAndReadsARowOfEachTableATrip) {
  Builder body;
  const Value gain = body.input("gain", DType::kF32, {});
  const Value x = body.input("x", DType::kF32, {graph::kBatch, 2});
  const Value before = body.input("before", DType::kF32, {graph::kBatch, 2});
  const Value shift = body.input("shift", DType::kF32, {2});
  body.output("x", body.add(body.add(body.mul(x, gain), before), shift));
  body.output("before", x);
  Builder b;
  const Value start = b.input("x", DType::kF32, {graph::kBatch, 2});
  const std::vector<Value> operands{b.constant(row<float>({1, 2, 3})), start, b.mul(start, 0.0F),
                                    b.parameter("shift", {2}, row<float>({1, 10}))};
  graph::LoopAttrs attrs{std::make_shared<const graph::Graph>(body.take()), 3, 1, 2};
  b.output("y", b.loop(attrs, operands));
  const Tensor frames = Tensor::from<float>({2, 2}, std::vector<float>{1, 1, 2, 0});
  // x: 1 -> 1*1+0+1 = 2 -> 2*2+1+1 = 6 -> 6*3+2+1 = 21, and so on for each element.
  EXPECT_THAT(list<float>(tests::run_reference(b.take(), {frames}, 2)[0]), ElementsAre(21, 120, 31, 110));
}

TEST(ReferenceLoop, LoopsNest) {
  const auto twice = [](Builder& b, Value x, const std::function<Value(Builder&, Value)>& step) {
    Builder body;
    const Value inner = body.input("x", DType::kF32, b.shape(x));
    body.output("x", step(body, inner));
    return b.loop({std::make_shared<const graph::Graph>(body.take()), 2, 0, 1}, std::vector<Value>{x});
  };
  const auto y = run({row<float>({1})}, [&](auto& b, auto x) {
    return twice(b, x[0], [&](Builder& outer, Value v) {
      return outer.add(twice(outer, v, [](Builder& inner, Value w) { return inner.mul(w, 3.0F); }), 1.0F);
    });
  });
  EXPECT_THAT(list<float>(y), ElementsAre(91));
}

}  // namespace
}  // namespace comfystream::backend::reference
