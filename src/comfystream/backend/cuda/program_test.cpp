// SPDX-License-Identifier: Apache-2.0
// Whole networks as programs, without a device: what becomes one kernel, what needs no kernel at all, what is static.
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/schedule.hpp"
#include "comfystream/graph/builder.hpp"
#include "tests/support/op_cases.hpp"
#include "tests/support/synth_networks.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace comfystream::backend::cuda {
namespace {

struct Emitted {
  PlannedGraph planned;
  WeightStore weights;
  StaticProgram fixed;
  Program frames;
};

Emitted emit(const graph::Graph& graph, std::int64_t batch, DType precision = DType::kF16) {
  Emitted emitted;
  emitted.planned = plan_graph(graph, precision, true);
  emitted.fixed = emit_static(emitted.planned, emitted.weights);
  emitted.frames = emit_frames(emitted.planned, emitted.fixed, emitted.weights, batch);
  return emitted;
}

std::map<std::string, int> count_by_kind(const Program& program) {
  std::map<std::string, int> counts;
  for (const Step& step : program.steps) ++counts[step.what.substr(0, step.what.find(' '))];
  return counts;
}

// Everything that is read is a source or was written before.
void expect_complete(const Program& program) {
  std::set<int> written;
  for (const Step& step : program.steps) {
    for (const int b : step.reads) {
      const Home home = program.buffers[static_cast<std::size_t>(b)].home;
      const bool made_here = home == Home::kArena || home == Home::kOutput;
      EXPECT_TRUE(!made_here || written.contains(b)) << step.what;
    }
    written.insert(step.writes.begin(), step.writes.end());
  }
}

TEST(Program, AJoinIsWrittenByWhatMakesItsParts) {
  graph::Builder b;
  const auto maps = [&](const char* name) { return b.input(name, DType::kF32, {graph::kBatch, 16, 8, 8}); };
  const auto pixelwise = [&](graph::Value x, std::uint32_t seed) {
    return b.conv2d(x, b.weight(tests::weight({16, 16, 1, 1}, seed)), std::nullopt, {});
  };
  const graph::Value x = pixelwise(maps("x"), 1);
  const graph::Value left = b.add(pixelwise(x, 2), x);
  const graph::Value tokens =
      b.linear(b.reshape(b.transpose(x, {0, 2, 3, 1}), {graph::kBatch, 64, 16}), b.weight(tests::weight({24, 16}, 3)));
  const graph::Value before = b.conv2d(x, b.weight(tests::weight({24, 16, 1, 1}, 5)), std::nullopt, {});
  const graph::Value right = b.add(b.transpose(b.reshape(tokens, {graph::kBatch, 8, 8, 24}), {0, 3, 1, 2}), before);
  b.output("y", b.conv2d(b.concat({left, right}, 1), b.weight(tests::weight({16, 40, 1, 1}, 4)), std::nullopt, {}));
  const graph::Graph graph = b.take();
  for (const std::int64_t batch : {1, 2}) {
    const Emitted e = emit(graph, batch);
    expect_complete(e.frames);
    EXPECT_FALSE(count_by_kind(e.frames).contains("concat"));
    const auto& last = e.frames.steps.at(e.frames.steps.size() - 2);
    EXPECT_EQ(e.frames.buffers[static_cast<std::size_t>(last.reads[0])].bytes, batch * 40 * 64 * 2);
  }
}

TEST(Program, ATinyUNetWithControlIsEmittedAtEveryBatch) {
  const graph::Graph graph = tests::synth_network("unet+control", "sd15-tiny", 8, DType::kF16);
  for (const std::int64_t batch : {1, 3, 8}) {
    const Emitted e = emit(graph, batch);
    expect_complete(e.frames);
    const auto counts = count_by_kind(e.frames);
    EXPECT_GT(counts.at("attention"), 0);
    EXPECT_GT(counts.at("group_norm"), 0);
    EXPECT_FALSE(counts.contains("silu")) << "every silu follows a norm or a convolution";
    EXPECT_FALSE(e.fixed.program.steps.empty()) << "timestep and prompt are static";
  }
}

TEST(Program, ResidualsAndChangesOfLayoutTakeNoKernels) {
  const Emitted e = emit(tests::synth_network("taesd", "sd15", 8, DType::kF16), 2);
  const auto counts = count_by_kind(e.frames);
  EXPECT_EQ(counts.at("binary"), 1) << "the latent's tanh, with what is around it";
  EXPECT_FALSE(counts.contains("copy"));
  EXPECT_FALSE(counts.contains("residual"));
  const Emitted depth = emit(tests::synth_network("depth", "depth-anything-v2-tiny", 56, DType::kF16), 1);
  expect_complete(depth.frames);
  EXPECT_FALSE(count_by_kind(depth.frames).contains("copy"));
}

TEST(Program, WeightsAreSharedByBatchSizes) {
  Emitted e = emit(tests::synth_network("taesd", "sd15-tiny", 8, DType::kF16), 1);
  const std::size_t before = e.weights.count();
  const Program other = emit_frames(e.planned, e.fixed, e.weights, 4);
  EXPECT_EQ(e.weights.count(), before);
  EXPECT_EQ(other.steps.size(), e.frames.steps.size());
}

TEST(Program, MemoryIsReused) {
  const Emitted e = emit(tests::synth_network("unet", "sd15-tiny", 8, DType::kF16), 2);
  std::int64_t all = 0;
  for (const Buffer& buffer : e.frames.buffers) all += buffer.home == Home::kArena ? buffer.bytes : 0;
  const ArenaPlan plan = plan_arena(e.frames, make_schedule(e.frames, 1), Home::kArena);
  EXPECT_LT(plan.bytes, all / 4);
}

}  // namespace
}  // namespace comfystream::backend::cuda
