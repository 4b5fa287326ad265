// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/split_static.hpp"

#include "comfystream/graph/builder.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/run_reference.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::Dice;

std::vector<std::string> names(const Graph& graph, const std::vector<Value>& values) {
  std::vector<std::string> result;
  result.reserve(values.size());
  for (const auto value : values) result.push_back(graph.node(value).name);
  return result;
}

std::size_t count(const Graph& graph, OpKind kind) {
  return static_cast<std::size_t>(std::ranges::count(graph.nodes(), kind, &Node::kind));
}

/// The frame graph's outputs, the setup having run for `parameters` at the largest batch.
std::vector<Tensor> run_split(const SplitGraph& split, const std::vector<Tensor>& inputs, std::int64_t batch,
                              std::int64_t max_batch, tests::Parameters parameters) {
  const auto crossing = tests::run_reference(split.setup, {}, max_batch, max_batch, parameters);
  for (std::size_t i = 0; i < crossing.size(); ++i) parameters[split.crossing.at(i)] = crossing[i];
  return tests::run_reference(split.frame, inputs, batch, max_batch, parameters);
}

class SplitStatic : public ::testing::Test {
 protected:
  Value input(const SymShape& shape = {kBatch, 4}) { return b.input("x", DType::kF32, shape); }
  Value parameter(const std::string& name, const SymShape& shape = {1, 4}) {
    return b.parameter(name, shape, dice.tensor(shape.at(1)));
  }
  Value constant(const Shape& shape) { return b.constant(dice.tensor(shape)); }
  SplitGraph split() { return split_static(b.take()); }

  Builder b;
  Dice dice{1};
};

TEST_F(SplitStatic, MovesWhatParametersAloneDecide) {
  const Value prompt = b.linear(parameter("prompt"), constant({4, 4}));
  b.output("y", b.mul(input(), b.tanh(prompt)));
  const auto parts = split();
  EXPECT_THAT(parts.setup.inputs(), IsEmpty());
  EXPECT_THAT(names(parts.setup, parts.setup.parameters()), ElementsAre("prompt"));
  EXPECT_THAT(parts.crossing, ElementsAre("static:%3"));
  EXPECT_EQ(parts.setup.outputs().at(0).name, "static:%3");
  EXPECT_THAT(names(parts.frame, parts.frame.parameters()), ElementsAre("static:%3"));
  EXPECT_EQ(count(parts.frame, OpKind::kLinear), 0U);
  EXPECT_EQ(count(parts.frame, OpKind::kConstant), 0U);
  EXPECT_EQ(dump(parts.frame).find("linear"), std::string::npos);
}

TEST_F(SplitStatic, KeepsWeightsAndWhatMerelyRelaysThemBesideTheirUsers) {
  const Value half = b.constant(dice.tensor({2, 4, 2}).cast(DType::kF16));
  const Value weight = b.transpose(b.reshape(b.cast(half, DType::kF32), {4, 4}), {1, 0});
  const Value joined = b.concat({b.slice(weight, 0, 0, 2), b.slice(weight, 0, 2, 4)}, 0);
  b.output("y", b.linear(input(), joined));
  const Graph graph = b.take();
  const auto parts = split_static(graph);
  EXPECT_THAT(parts.crossing, IsEmpty());
  EXPECT_THAT(parts.setup.nodes(), IsEmpty());
  EXPECT_EQ(dump(parts.frame), dump(graph));
}

TEST_F(SplitStatic, MovesComputedConstants) {
  b.output("y", b.add(input(), b.tanh(constant({1, 4}))));
  const auto parts = split();
  EXPECT_EQ(parts.crossing.size(), 1U);
  EXPECT_THAT(parts.setup.parameters(), IsEmpty());
}

TEST_F(SplitStatic, LeavesParametersThatFramesReadTheirs) {
  const Value strength = parameter("strength", {1});
  const Value x = b.mul(input(), strength);
  const Value noise = b.reshape(parameter("noise", {1, 2, 2}), {1, 4});
  b.output("y", b.add(b.add(x, noise), b.tanh(strength)));
  (void)parameter("unread");
  const auto parts = split();
  EXPECT_THAT(names(parts.frame, parts.frame.parameters()), ElementsAre("strength", "noise", "static:%5"));
  EXPECT_THAT(names(parts.setup, parts.setup.parameters()), ElementsAre("strength"));
}

TEST_F(SplitStatic, LeavesWhatDependsOnMovingParametersInTheFrame) {
  const Value still = b.tanh(parameter("still"));
  const Value moving = b.tanh(parameter("moving"));
  b.output("y", b.mul(input(), b.add(still, moving)));
  const std::vector<std::string> names_of_moving = {"moving"};
  const auto parts = split_static(b.take(), names_of_moving);
  EXPECT_THAT(names(parts.setup, parts.setup.parameters()), ElementsAre("still"));
  EXPECT_THAT(names(parts.frame, parts.frame.parameters()),
              testing::UnorderedElementsAre("moving", parts.crossing.at(0)));
}

TEST_F(SplitStatic, CrossesOneRowAndRepeatsItInTheFrame) {
  b.output("y", b.add(input(), b.expand_batch(b.tanh(parameter("p")))));
  const auto parts = split();
  ASSERT_EQ(parts.frame.parameters().size(), 1U);
  EXPECT_EQ(parts.frame.type(parts.frame.parameters()[0]).shape, (SymShape{1, 4}));
  EXPECT_EQ(count(parts.frame, OpKind::kExpand), 1U);
}

TEST_F(SplitStatic, MovesWorkOnParametersOfARowPerSlot) {
  const Value slots = parameter("slots", {kBatch, 4});
  b.output("y", b.add(input(), b.softmax(b.tanh(slots), 1)));
  const Graph graph = b.take();
  const auto parts = split_static(graph);
  ASSERT_EQ(parts.crossing.size(), 1U);
  EXPECT_EQ(parts.frame.type(parts.frame.parameters()[0]).shape, (SymShape{kBatch, 4}));

  const tests::Parameters values{{"slots", Dice(2).tensor({3, 4})}};
  const std::vector<Tensor> inputs{Dice(3).tensor({2, 4})};
  const auto expected = tests::run_reference(graph, inputs, 2, 3, values);
  EXPECT_TRUE(tests::identical(run_split(parts, inputs, 2, 3, values)[0], expected[0]));
}

TEST_F(SplitStatic, LeavesWhatMovesRowsBetweenSlotsInTheFrame) {
  const Value slots = b.tanh(parameter("slots", {kBatch, 4}));
  const Value both = b.concat({slots, b.silu(slots)}, 0);
  // Two rows of each slot: which ones depends on how many slots there are.
  const Value pairs = b.tanh(b.reshape(both, {kBatch, 8}));
  b.output("y", b.add(b.slice(pairs, 1, 0, 4), input()));
  const Graph graph = b.take();
  const auto parts = split_static(graph);
  EXPECT_EQ(parts.crossing.size(), 2U);
  const tests::Parameters values{{"slots", Dice(2).tensor({3, 4})}};
  const std::vector<Tensor> inputs{Dice(3).tensor({2, 4})};
  const auto expected = tests::run_reference(graph, inputs, 2, 3, values);
  EXPECT_TRUE(tests::identical(run_split(parts, inputs, 2, 3, values)[0], expected[0]));
}

TEST_F(SplitStatic, TakesALoopAsOneNode) {
  const auto loop = [&](Value start) {
    Builder body;
    body.output("x", body.tanh(body.input("x", DType::kF32, b.shape(start))));
    LoopAttrs attrs;
    attrs.body = std::make_shared<const Graph>(body.take());
    attrs.trip_count = 2;
    attrs.carried = 1;
    return b.loop(attrs, std::vector<Value>{start});
  };
  b.output("y", b.add(loop(input()), loop(parameter("p"))));
  b.output("z", b.add(loop(parameter("slots", {kBatch, 4})), 1.0F));
  const auto parts = split();
  EXPECT_EQ(count(parts.setup, OpKind::kLoop), 2U);
  EXPECT_EQ(count(parts.frame, OpKind::kLoop), 1U);
}

TEST_F(SplitStatic, OutputsThatNoFrameInfluencesAreStillTheFrames) {
  (void)input();
  b.output("computed", b.tanh(parameter("p")));
  b.output("as_given", parameter("q"));
  b.output("constant", constant({2}));
  const auto parts = split();
  ASSERT_EQ(parts.frame.outputs().size(), 3U);
  EXPECT_EQ(parts.frame.inputs().size(), 1U);
  EXPECT_THAT(names(parts.frame, parts.frame.parameters()), ElementsAre(parts.crossing.at(0), "q"));
}

TEST_F(SplitStatic, RandomGraphsKeepTheirValuesBitForBit) {
  std::size_t crossing = 0;
  for (std::uint32_t seed = 100; seed < 160; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Graph graph = tests::RandomGraph(seed, 24).take();
    const auto parts = split_static(graph);
    crossing += parts.crossing.size();
    const std::int64_t max_batch = 3;
    Dice values(seed + 1);
    const tests::Parameters parameters{{"fixed", values.tensor(tests::RandomGraph::map_shape(1))},
                                       {"slots", values.tensor(tests::RandomGraph::map_shape(max_batch))},
                                       {"time", values.tensor({1}, 900.0F)}};
    for (std::int64_t batch = 1; batch <= max_batch; ++batch) {
      const std::vector<Tensor> inputs{values.tensor(tests::RandomGraph::map_shape(batch))};
      const auto expected = tests::run_reference(graph, inputs, batch, max_batch, parameters);
      const auto actual = run_split(parts, inputs, batch, max_batch, parameters);
      for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_TRUE(tests::identical(actual[i], expected[i])) << "output " << i << ", batch " << batch;
      }
    }
  }
  EXPECT_GT(crossing, 60U);
}

}  // namespace
}  // namespace comfystream::graph
