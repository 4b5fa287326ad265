// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/cost.hpp"

#include "comfystream/graph/builder.hpp"

#include <functional>
#include <memory>

#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

using Make = std::function<Value(Builder&, Value)>;

Value weight(Builder& b, const Shape& shape) { return b.constant(Tensor(DType::kF32, shape)); }

/// The cost of an operation on x [N, 4, 6, 5] at a batch of 2.
Cost cost(const Make& make) {
  Builder b;
  const Value y = make(b, b.input("x", DType::kF32, {kBatch, 4, 6, 5}));
  return cost_of(b.graph(), y, 2);
}

TEST(Cost, CountsMultiplicationsAndAdditions) {
  const auto flops = [](const Make& make) { return cost(make).flops; };
  EXPECT_EQ(flops([](Builder& b, Value x) {
              return b.conv2d(x, weight(b, {8, 2, 3, 2}), std::nullopt, {.groups = 2});
            }),
            2.0 * (2 * 8 * 4 * 4) * (2 * 3 * 2));
  EXPECT_EQ(flops([](Builder& b, Value x) {
              return b.conv2d(x, weight(b, {8, 4, 1, 1}), weight(b, {8}), {});
            }),
            2.0 * (2 * 8 * 30) * 4 + 2 * 8 * 30);
  EXPECT_EQ(flops([](Builder& b, Value x) {
              return b.conv_transpose2d(x, weight(b, {4, 3, 2, 2}), std::nullopt, {2});
            }),
            2.0 * (2 * 4 * 30) * (3 * 2 * 2));
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.linear(x, weight(b, {7, 5})); }), 2.0 * (2 * 4 * 6) * 7 * 5);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.matmul(x, x, true); }), 2.0 * (2 * 4) * 6 * 6 * 5);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.attention(x, x, x, 1); }), (2.0 * 4 * 6 * 6) * (2 * 10 + 5));
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.tanh(x); }), 240.0);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.add(x, weight(b, {1, 4, 1, 1})); }), 240.0);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.softmax(x, 1); }), 5 * 240.0);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.reduce(ReduceKind::kMax, x, {1, 2, 3}); }), 240.0);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.resize(x, {ResizeMode::kBilinear, 2, 2}); }), 8.0 * 2 * 4 * 4);
  EXPECT_EQ(flops([](Builder& b, Value x) { return b.transpose(x, {0, 2, 1, 3}); }), 0.0);
}

TEST(Cost, CountsBytesAsStored) {
  const Cost half = cost([](Builder& b, Value x) {
    (void)x;
    return b.weight(Tensor(DType::kF16, {7, 5}));
  });
  EXPECT_EQ(half.weight_bytes, 7 * 5 * 2);
  EXPECT_EQ(half.output_bytes, 7 * 5 * 4);
  const Cost picture = cost([](Builder& b, Value x) { return b.cast(x, DType::kU8); });
  EXPECT_EQ(picture.weight_bytes, 0);
  EXPECT_EQ(picture.output_bytes, 240);
}

TEST(Cost, SumsByTheFirstComponentOfTheScope) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 5});
  const Tensor shared(DType::kF32, {5, 5});
  Value y = x;
  {
    const auto sampler = b.scope("KSampler#7");
    for (const char* name : {"unet", "controlnet"}) {
      const auto inner = b.scope(name);
      y = b.linear(y, b.constant(shared));
    }
  }
  b.output("y", b.tanh(y));
  const auto costs = cost_by_scope(b.take(), 3);
  ASSERT_EQ(costs.size(), 2U);
  EXPECT_EQ(costs.at("KSampler#7").flops, 2 * 2.0 * 3 * 25);
  EXPECT_EQ(costs.at("KSampler#7").weight_bytes, 100);
  EXPECT_EQ(costs.at("KSampler#7").output_bytes, 2 * 3 * 5 * 4);
  EXPECT_EQ(costs.at("other").flops, 15.0);
}

TEST(Cost, ALoopCostsItsBodyAtEveryTrip) {
  Builder body;
  const Value inner = body.input("x", DType::kF32, {kBatch, 5});
  {
    const auto scope = body.scope("KSampler#7/unet");
    body.output("x", body.linear(inner, weight(body, {5, 5})));
  }
  Builder b;
  LoopAttrs attrs;
  attrs.body = std::make_shared<const Graph>(body.take());
  attrs.trip_count = 20;
  attrs.carried = 1;
  const Value y = b.loop(attrs, std::vector<Value>{b.input("x", DType::kF32, {kBatch, 5})});
  const Cost whole = cost_of(b.graph(), y, 2);
  EXPECT_EQ(whole.flops, 20 * 2.0 * 2 * 25);
  EXPECT_EQ(whole.weight_bytes, 100);
  EXPECT_EQ(whole.output_bytes, 20 * 2 * 5 * 4);
  EXPECT_EQ(cost_by_scope(b.graph(), 2).at("KSampler#7").flops, whole.flops);
}

}  // namespace
}  // namespace comfystream::graph
