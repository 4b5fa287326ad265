// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/simplify.hpp"

#include "comfystream/graph/builder.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/run_reference.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

const SymShape kShape{kBatch, 2, 3};

std::size_t count(const Graph& graph, OpKind kind) {
  return static_cast<std::size_t>(std::ranges::count(graph.nodes(), kind, &Node::kind));
}

TEST(Simplify, RemovesWhatNoOutputNeedsButKeepsSources) {
  Builder b;
  const Value x = b.input("x", DType::kF32, kShape);
  (void)b.input("unused", DType::kU8, {kBatch});
  (void)b.parameter("idle", {1}, Tensor::from<float>({1}, std::vector<float>{1}));
  (void)b.add(b.tanh(x), 3.0F);
  b.output("y", b.silu(x));
  const Graph simple = simplify(b.take());
  EXPECT_EQ(simple.nodes().size(), 4U);
  ASSERT_EQ(simple.inputs().size(), 2U);
  EXPECT_EQ(simple.node(simple.inputs()[1]).name, "unused");
  EXPECT_EQ(simple.parameters().size(), 1U);
  EXPECT_EQ(simple.node(simple.outputs().at(0).value).kind, OpKind::kUnary);
}

TEST(Simplify, MergesEqualNodes) {
  Builder b;
  const Value x = b.input("x", DType::kF32, kShape);
  const auto branch = [&] { return b.mul(b.tanh(b.transpose(x, {0, 2, 1})), 0.5F); };
  b.output("y", b.add(branch(), branch()));
  b.output("z", b.mul(b.tanh(b.transpose(x, {0, 2, 1})), 0.25F));
  const Graph simple = simplify(b.take());
  EXPECT_EQ(count(simple, OpKind::kTranspose), 1U);
  EXPECT_EQ(count(simple, OpKind::kUnary), 1U);
  EXPECT_EQ(count(simple, OpKind::kConstant), 2U);
  EXPECT_EQ(count(simple, OpKind::kBinary), 3U);
}

TEST(Simplify, MergesBigConstantsOfOneBufferOnly) {
  const Shape big{64, 64};
  const Tensor one(DType::kF32, big);
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 64});
  const auto use = [&](const Tensor& weight) { return b.linear(x, b.constant(weight)); };
  b.output("y", b.add(b.add(use(one), use(one)), b.add(use(one.clone()), use(one.reshaped(big)))));
  const Graph simple = simplify(b.take());
  EXPECT_EQ(count(simple, OpKind::kConstant), 2U);
  EXPECT_EQ(count(simple, OpKind::kLinear), 2U);
}

TEST(Simplify, NeverMergesParametersOfEqualValue) {
  Builder b;
  const Tensor value = Tensor::from<float>({1}, std::vector<float>{2});
  b.output("y", b.add(b.parameter("a", {1}, value), b.parameter("b", {1}, value)));
  EXPECT_EQ(simplify(b.take()).parameters().size(), 2U);
}

TEST(Simplify, DropsWhatChangesNothing) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 2, 3, 1});
  const Value turned = b.transpose(b.transpose(x, {0, 2, 3, 1}), {0, 3, 1, 2});
  const Value still = b.transpose(turned, {0, 1, 2, 3});
  const Value back = b.reshape(b.reshape(b.reshape(still, {kBatch, 6}), {kBatch, 3, 2}), {kBatch, 2, 3, 1});
  const Value whole = b.slice_batch(b.slice(back, 1, 0, 2), 0, 1);
  const Value unpadded = b.pad(b.concat({whole}, 2), {PadMode::kConstant, {0, 0, 0, 0}, {0, 0, 0, 0}});
  b.output("y", b.tanh(unpadded));
  EXPECT_EQ(simplify(b.take()).nodes().size(), 2U);
}

TEST(Simplify, KeepsWhatChangesSomething) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 2, 2});
  b.output("turned", b.transpose(b.transpose(x, {0, 2, 1}), {1, 0, 2}));
  b.output("rounded", b.cast(b.cast(x, DType::kF16), DType::kF32));
  b.output("every_other", b.slice(b.slice(x, 1, 0, 2, 2), 2, 0, 1));
  b.output("shaped", b.reshape(b.reshape(x, {kBatch, 4}), {kBatch, 1, 4}));
  EXPECT_EQ(simplify(b.take()).nodes().size(), 8U);
}

TEST(Simplify, ReachesIntoLoopsAndMergesEqualOnes) {
  Builder b;
  const Value x = b.input("x", DType::kF32, kShape);
  const auto loop = [&](float step) {
    Builder body;
    const Value inner = body.input("inner", DType::kF32, kShape);
    (void)body.tanh(inner);
    body.output("next", body.add(body.reshape(body.reshape(inner, {kBatch, 6}), kShape), step));
    LoopAttrs attrs;
    attrs.body = std::make_shared<const Graph>(body.take());
    attrs.trip_count = 2;
    attrs.carried = 1;
    return b.loop(attrs, std::vector<Value>{x});
  };
  b.output("y", b.add(b.add(loop(1), loop(1)), loop(2)));
  const Graph simple = simplify(b.take());
  EXPECT_EQ(count(simple, OpKind::kLoop), 2U);
  const auto found = std::ranges::find(simple.nodes(), OpKind::kLoop, &Node::kind);
  EXPECT_EQ(std::get<LoopAttrs>(found->attrs).body->nodes().size(), 3U);
}

TEST(Simplify, RandomGraphsKeepTheirValuesBitForBit) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Graph graph = tests::RandomGraph(seed, 24).take();
    const Graph simple = simplify(graph);
    EXPECT_LE(simple.nodes().size(), graph.nodes().size());
    for (const std::int64_t batch : {1, 3}) {
      const std::vector<Tensor> inputs{tests::Dice(seed + 7).tensor(tests::RandomGraph::map_shape(batch))};
      const auto expected = tests::run_reference(graph, inputs, batch);
      const auto actual = tests::run_reference(simple, inputs, batch);
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_TRUE(tests::identical(actual[i], expected[i])) << i;
    }
  }
}

TEST(Simplify, LeavesNothingToSimplify) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Graph once = simplify(tests::RandomGraph(seed, 24).take());
    EXPECT_EQ(dump(simplify(once)), dump(once)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace comfystream::graph
