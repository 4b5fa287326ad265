// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 as the precision of a program: the same steps in both, and nothing that one has chosen or built serves
// the other.
#include "comfystream/backend/cuda/cudnn_graphs.hpp"
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/gemm.hpp"
#include "comfystream/backend/cuda/plan_store.hpp"
#include "comfystream/graph/builder.hpp"
#include "tests/support/op_cases.hpp"
#include "tests/support/synth_networks.hpp"

#include <gmock/gmock.h>

namespace comfystream::backend::cuda {
namespace {

using graph::kBatch;
using graph::SymShape;

struct Emitted {
  PlannedGraph planned;
  std::vector<std::string> steps;
};

Emitted emit(const graph::Graph& graph, DType precision) {
  Emitted emitted{plan_graph(graph, precision, true), {}};
  WeightStore weights;
  const StaticProgram fixed = emit_static(emitted.planned, weights);
  const Program frames = emit_frames(emitted.planned, fixed, weights, 2);
  for (const Program* program : {&fixed.program, &frames}) {
    for (const Step& step : program->steps) emitted.steps.push_back(step.what);
  }
  return emitted;
}

class Precision : public testing::TestWithParam<const char*> {};

// A condition that asks for f16 where it means 16 bits would take a slower step or a copy.
TEST_P(Precision, BothTakeTheSameSteps) {
  const std::string name = GetParam();
  const bool depth = name == "depth";
  const auto network = [&](DType weights) {
    return tests::synth_network(name, depth ? "depth-anything-v2-tiny" : "sd15-tiny", depth ? 56 : 8, weights);
  };
  const Emitted half = emit(network(DType::kF16), DType::kF16);
  const Emitted brain = emit(network(DType::kBF16), DType::kBF16);
  EXPECT_EQ(half.steps, brain.steps);
  EXPECT_EQ(half.steps, emit(network(DType::kF16), DType::kBF16).steps) << "weights are packed in the program's type";
  EXPECT_THAT(brain.planned.storage, testing::Contains(DType::kBF16));
  for (std::size_t i = 0; i < half.planned.storage.size(); ++i) {
    EXPECT_EQ(half.planned.storage[i] == DType::kF16, brain.planned.storage[i] == DType::kBF16);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Precision, testing::Values("unet", "taesd", "depth"),
                         [](const auto& one) { return std::string(one.param); });

template <typename Problem>
std::vector<std::string> keys_of(Problem problem) {
  std::vector<std::string> keys;
  for (const DType type : {DType::kF16, DType::kBF16}) {
    problem.type = type;
    if constexpr (requires { problem.y_type; }) {
      problem.y_type = type;
      keys.push_back(problem.key());
      problem.y_type = DType::kF32;
    }
    keys.push_back(problem.key());
  }
  return keys;
}

TEST(PrecisionKeys, ProblemsOfEachTypeHaveChoicesAndPlansOfTheirOwn) {
  GemmProblem gemm;
  gemm.rows = gemm.out = gemm.in = 64;
  ConvProblem conv;
  conv.x = conv.y = {1, 8, 4, 4};
  const AttentionProblem attention;
  for (const auto& keys : {keys_of(gemm), keys_of(conv), keys_of(attention)}) {
    TuningCache cache({}, "a card");
    PlanStore plans({}, "a card");
    for (const std::string& key : keys) {
      EXPECT_EQ(cache.find(key), std::nullopt) << key;
      EXPECT_EQ(plans.find(key), std::nullopt) << key;
      cache.insert(key, "chosen");
      plans.insert(key, {1});
    }
  }
}

TEST(PrecisionKeys, AWeightIsPackedOnceForEachType) {
  WeightStore weights;
  const Tensor values(DType::kF32, {8, 8});
  const auto half = weights.request({values}, {DType::kF16, {8, 8}, {}, {}});
  EXPECT_NE(half, weights.request({values}, {DType::kBF16, {8, 8}, {}, {}}));
  EXPECT_EQ(half, weights.request({values}, {DType::kF16, {8, 8}, {}, {}}));
}

class DevicePrecision : public DeviceTest, public testing::WithParamInterface<DType> {};

// What one column of the identity picks is the weight as the card holds it.
TEST_P(DevicePrecision, WeightsOfEveryTypeAreRoundedToNearest) {
  const Tensor source = tests::random_tensor({64, 64}, 5, 3.0F);
  Tensor identity(DType::kF32, {64, 64});
  for (std::size_t i = 0; i < 64; ++i) identity.mutable_values<float>()[i * 65] = 1.0F;
  for (const DType stored : {DType::kF32, DType::kF16, DType::kBF16}) {
    const Tensor weight = source.cast(stored);
    graph::Builder builder;
    builder.output("y", builder.linear(builder.input("x", DType::kF32, SymShape{kBatch, 64}), builder.weight(weight)));
    const graph::Graph graph = builder.take();
    const auto executable = compile_untuned(graph, 64, {.precision = GetParam()});
    const auto outputs = run_once(*executable, graph, std::vector<Tensor>{identity}, 64);
    const Tensor expected = weight.cast(GetParam()).to_f32();
    const auto actual = outputs[0].values<float>();
    for (std::size_t row = 0; row < 64; ++row) {
      for (std::size_t column = 0; column < 64; ++column) {
        ASSERT_EQ(actual[row * 64 + column], expected.values<float>()[column * 64 + row]) << to_string(stored);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Both, DevicePrecision, testing::Values(DType::kF16, DType::kBF16), precision_name);

}  // namespace
}  // namespace comfystream::backend::cuda
