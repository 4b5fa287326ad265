// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/workflow_plan.hpp"

#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/graph/builder.hpp"

#include <cstring>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::client {
namespace {

using graph::Builder;
using graph::Value;
using testing::ElementsAre;

constexpr int kWidth = 2;
constexpr int kHeight = 1;

struct Toy {
  float static_part = 2.0F;  ///< reaches the frames through something computed once
  float direct = 1.0F;       ///< meets the frames themselves
  std::int64_t max_batch = 3;
  std::int64_t min_batch = 1;
  bool fixed = false;
  bool negated = false;  ///< another structure
};

/// frames * direct + exp(log(static_part)), as bytes.
workflow::TracedWorkflow trace(const Toy& toy) {
  Builder builder;
  const graph::Dim rows = toy.fixed ? graph::Dim(toy.max_batch) : graph::kBatch;
  const Value frames = builder.input("frames", DType::kU8, {rows, kHeight, kWidth, 3});
  const Value direct = builder.parameter("1.direct", {1}, Tensor::from<float>({1}, std::vector<float>{toy.direct}));
  const Value once = builder.parameter("2.once", {1}, Tensor::from<float>({1}, std::vector<float>{toy.static_part}));
  const Value computed = builder.unary(graph::UnaryKind::kExp, builder.unary(graph::UnaryKind::kLog, once));
  Value result = builder.add(builder.mul(builder.cast(frames, DType::kF32), direct), computed);
  if (toy.negated) result = builder.sub(builder.scalar(255.0F), result);
  builder.output("frames", builder.cast(builder.clamp(builder.add(result, 0.25F), 0.0F, 255.0F), DType::kU8));
  workflow::TracedWorkflow traced;
  traced.graph = builder.take();
  traced.live = true;
  traced.input = traced.output = {kWidth, kHeight};
  traced.max_batch = toy.max_batch;
  traced.min_batch = toy.min_batch;
  traced.fixed_batch = toy.fixed;
  return traced;
}

WorkflowPlan compile(const Toy& toy) {
  const auto backend = backend::make_reference_backend();
  return {trace(toy), *backend, {}};
}

/// First byte of each row of a batch whose row i holds i + 1.
std::vector<int> run(WorkflowPlan& plan, int batch) {
  const auto slot = plan.make_slot();
  for (int row = 0; row < batch; ++row) std::memset(slot->input_row(row).data(), row + 1, plan.input().size_bytes());
  plan.enqueue(*slot, plan.run_size(batch));
  plan.wait(*slot);
  std::vector<int> first;
  first.reserve(static_cast<std::size_t>(batch));
  for (int row = 0; row < batch; ++row) first.push_back(std::to_integer<int>(slot->output_row(row)[0]));
  return first;
}

TEST(WorkflowPlanTest, ComputesOnceWhatNoFrameInfluences) {
  WorkflowPlan plan = compile({});
  EXPECT_EQ(plan.setup_graph().outputs().size(), 1U);
  EXPECT_THAT(run(plan, 3), ElementsAre(3, 4, 5));
  EXPECT_THAT(run(plan, 1), ElementsAre(3));
}

TEST(WorkflowPlanTest, LiveParametersReachTheNextBatch) {
  WorkflowPlan plan = compile({});
  EXPECT_TRUE(plan.update(trace({.direct = 10.0F})));
  EXPECT_THAT(run(plan, 2), ElementsAre(12, 22));
  EXPECT_TRUE(plan.update(trace({.static_part = 7.0F, .direct = 10.0F})));
  EXPECT_THAT(run(plan, 2), ElementsAre(17, 27));
  EXPECT_TRUE(plan.update(trace({})));
  EXPECT_THAT(run(plan, 2), ElementsAre(3, 4));
}

TEST(WorkflowPlanTest, AnotherStructureIsNoUpdate) {
  WorkflowPlan plan = compile({});
  EXPECT_FALSE(plan.update(trace({.direct = 10.0F, .negated = true})));
  EXPECT_FALSE(plan.update(trace({.direct = 10.0F, .max_batch = 4})));
  EXPECT_THAT(run(plan, 1), ElementsAre(3)) << "a refused update changes nothing";
}

TEST(WorkflowPlanTest, PadsUpToTheEnginesSmallestBatch) {
  WorkflowPlan plan = compile({.min_batch = 2});
  EXPECT_EQ(plan.run_size(1), 2);
  EXPECT_EQ(plan.run_size(3), 3);
  EXPECT_THAT(run(plan, 1), ElementsAre(3));
}

TEST(WorkflowPlanTest, FixedBatchRunsAsOne) {
  WorkflowPlan plan = compile({.fixed = true});
  EXPECT_EQ(plan.max_batch(), 3);
  EXPECT_EQ(plan.run_size(1), 3);
  EXPECT_THAT(run(plan, 2), ElementsAre(3, 4));
  EXPECT_THAT(run(plan, 3), ElementsAre(3, 4, 5));
}

TEST(WorkflowPlanTest, WarmsEverySize) {
  WorkflowPlan plan = compile({});
  for (int frames = 1; frames <= plan.max_batch(); ++frames) EXPECT_NO_THROW(plan.warm(frames));
  EXPECT_THAT(run(plan, 1), ElementsAre(3));
}

/// The low end of a running range over the frames' darkest and brightest bytes, ten times.
workflow::TracedWorkflow trace_running(float rate) {
  Builder builder;
  const Value frames = builder.input("frames", DType::kU8, {graph::kBatch, kHeight, kWidth, 3});
  const Value darkest = builder.reduce(graph::ReduceKind::kMin, builder.cast(frames, DType::kF32), {1, 2, 3});
  const Value low = builder.reshape(darkest, {graph::kBatch, 1});
  const Value own = builder.concat({low, builder.add(low, 10.0F)}, 1);
  const Value range = builder.parameter("1.range", {1, 2}, Tensor::from<float>({1, 2}, std::vector<float>{0, -1}));
  const Value known =
      builder.compare(graph::CompareKind::kGreater, builder.slice(range, 1, 1, 2), builder.slice(range, 1, 0, 1));
  const Value chosen = builder.slice(builder.select(known, range, own), 1, 0, 1);
  const Value shown = builder.reshape(builder.mul(chosen, 10.0F), {graph::kBatch, 1, 1, 1});
  builder.output("frames", builder.cast(builder.expand(shown, {graph::kBatch, kHeight, kWidth, 3}), DType::kU8));
  builder.output("running:1.range", own);
  workflow::TracedWorkflow traced;
  traced.graph = builder.take();
  traced.live = true;
  traced.input = traced.output = {kWidth, kHeight};
  traced.max_batch = 3;
  traced.running_ranges.push_back({"1.range", "running:1.range", rate});
  return traced;
}

TEST(WorkflowPlanTest, ARunningRangeFollowsTheFramesThatLeft) {
  const auto backend = backend::make_reference_backend();
  WorkflowPlan plan(trace_running(0.5F), *backend, {});
  EXPECT_THAT(run(plan, 2), ElementsAre(10, 20)) << "nothing has left yet: a frame has its own";
  EXPECT_THAT(run(plan, 3), ElementsAre(15, 15, 15)) << "1, then half of the way to 2";
  EXPECT_TRUE(plan.update(trace_running(0.5F)));
  EXPECT_THAT(run(plan, 1), ElementsAre(23)) << "to 1.25, 1.625 and 2.3125; an update does not forget";
}

}  // namespace
}  // namespace comfystream::client
