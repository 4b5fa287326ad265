// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/trace_sampler.hpp"

#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/diffusion/golden_json.hpp"
#include "comfystream/diffusion/noise.hpp"
#include "comfystream/diffusion/sigmas.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::diffusion {
namespace {

using graph::Builder;
using graph::Value;

constexpr std::uint64_t kSeed = 905056445574169;
const Shape kLatent{1, 4, 2, 2};
constexpr std::size_t kAllUnrolled = 100;
constexpr std::size_t kAllLooped = 0;

std::vector<float> run(Builder& builder, Value result, std::span<const Tensor> inputs = {}, std::int64_t batch = 1) {
  builder.output("result", result);
  const graph::Graph graph = builder.take();
  const auto executable = backend::make_reference_backend()->compile(graph, {.max_batch = batch, .threads = 1});
  const auto outputs = backend::run_once(*executable, graph, inputs, batch);
  const auto values = outputs.at(0).values<float>();
  return {values.begin(), values.end()};
}

/// tools/goldens/samplers.py's network; its one capture is the context.
Value toy_network(Builder& builder, const DenoiseCall& call) {
  const Value timestep = builder.reshape(builder.mul(call.timestep, 0.0007F), {1, 1, 1, 1});
  const Value inner = builder.add(builder.add(builder.mul(call.x, 0.4F), timestep), -0.3F);
  return builder.add(builder.mul(builder.tanh(inner), 0.9F), builder.mul(call.captures[0], 0.05F));
}

Value step_noise(Builder& builder, const SamplerPlan& plan) {
  return builder.constant(make_step_noise(plan, kSeed, kLatent));
}

SamplerPlan plan_of(Sampler sampler, Scheduler scheduler, std::int64_t steps, double denoise = 1.0) {
  const ModelSampling model;
  return plan_sampler(model, sampler, ksampler_sigmas(model, scheduler, steps, denoise));
}

float largest(const std::vector<float>& values) {
  return std::abs(*std::ranges::max_element(values, {}, [](float value) { return std::abs(value); }));
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected, float relative) {
  ASSERT_EQ(actual.size(), expected.size());
  const float tolerance = relative * largest(expected);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
}

std::vector<float> sample_golden(const nlohmann::json& golden, const nlohmann::json& entry, std::size_t most_unrolled) {
  const auto plan = plan_of(parse_sampler(entry["sampler"].get<std::string>()),
                            parse_scheduler(entry["scheduler"].get<std::string>()), entry["steps"].get<std::int64_t>(),
                            entry["denoise"].get<double>());
  Builder builder;
  const auto constant = [&](const char* name) {
    return builder.constant(Tensor::from<float>(kLatent, golden[name].get<std::vector<float>>()));
  };
  SamplerInputs inputs;
  inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
  inputs.latent = constant("latent");
  inputs.captures = {constant("context")};
  if (plan.uses_step_noise()) inputs.step_noise = step_noise(builder, plan);
  return run(builder, trace_sampler(builder, plan, inputs, toy_network, most_unrolled));
}

TEST(TraceSamplerTest, UnrolledAndLoopedGiveTheLatentsOfThePapersFormulas) {
  const auto golden = load_golden("samplers.json");
  for (const auto& entry : golden["cases"]) {
    SCOPED_TRACE(entry.dump().substr(0, 60) + " ... " + entry["sampler"].get<std::string>() + " " +
                 entry["scheduler"].get<std::string>() + " " + entry["steps"].dump());
    const auto expected = entry["result"].get<std::vector<float>>();
    const auto unrolled = sample_golden(golden, entry, kAllUnrolled);
    expect_near(unrolled, expected, 1e-5F);
    expect_near(sample_golden(golden, entry, kAllLooped), unrolled, 1e-6F);
  }
}

/// Frames enter through the capture alone, so that x starts static and turns per-frame at the first evaluation.
std::vector<float> sample_frames(Sampler sampler, std::size_t most_unrolled, std::int64_t batch, float second_frame) {
  Builder builder;
  const auto plan = plan_of(sampler, Scheduler::kKarras, 6);
  SamplerInputs inputs;
  inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
  inputs.captures = {builder.input("frame", DType::kF32, {graph::kBatch, 4, 2, 2})};
  if (plan.uses_step_noise()) inputs.step_noise = step_noise(builder, plan);
  const Value result = trace_sampler(builder, plan, inputs, toy_network, most_unrolled);
  EXPECT_EQ(builder.shape(result), (graph::SymShape{graph::kBatch, 4, 2, 2}));
  Tensor frames(DType::kF32, {batch, 4, 2, 2});
  if (batch > 1) std::ranges::fill(frames.mutable_values<float>().subspan(16, 16), second_frame);
  const std::vector<Tensor> given{frames};
  return run(builder, result, given, batch);
}

TEST(TraceSamplerTest, EveryFrameIsSampledAsIfAlone) {
  for (const auto& name : sampler_names()) {
    SCOPED_TRACE(name);
    const Sampler sampler = parse_sampler(name);
    const auto alone = sample_frames(sampler, kAllUnrolled, 1, 0.0F);
    for (const std::size_t most_unrolled : {kAllUnrolled, kAllLooped}) {
      const auto three = sample_frames(sampler, most_unrolled, 3, 40.0F);
      expect_near({three.begin(), three.begin() + 16}, alone, 1e-6F);
      expect_near({three.begin() + 32, three.end()}, alone, 1e-6F);
      EXPECT_GT(std::abs(three[16] - alone[0]), 1e-3F * largest(alone));
    }
  }
}

struct Ranged {
  std::vector<float> result;
  std::int64_t loops = 0;
  std::int64_t traced_active = 0;
};

/// Two controls: the first of the whole range, the second of the middle of it.
Ranged sample_ranged(Sampler sampler, std::size_t most_unrolled) {
  const ModelSampling model;
  Builder builder;
  const auto plan = plan_of(sampler, Scheduler::kNormal, 8);
  SamplerInputs inputs;
  inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
  inputs.captures = {builder.constant(torch_randn(3, kLatent))};
  inputs.ranges = {SigmaRange{}, SigmaRange{model.percent_to_sigma(0.2), model.percent_to_sigma(0.8)}};
  if (plan.uses_step_noise()) inputs.step_noise = step_noise(builder, plan);
  Ranged ranged;
  const DenoiseFn denoise = [&](Builder& inside, const DenoiseCall& call) {
    EXPECT_EQ(call.active.size(), 2U);
    EXPECT_EQ(call.active[0], 1);
    const Value eps = toy_network(inside, call);
    if (call.active[1] == 0) return eps;
    ++ranged.traced_active;
    return inside.add(eps, 0.25F);
  };
  const Value result = trace_sampler(builder, plan, inputs, denoise, most_unrolled);
  for (const auto& node : builder.graph().nodes()) ranged.loops += node.kind == graph::OpKind::kLoop ? 1 : 0;
  ranged.result = run(builder, result);
  return ranged;
}

TEST(TraceSamplerTest, ControlsTakePartInTheirRangeAloneAndCutTheLoop) {
  for (const auto& name : sampler_names()) {
    SCOPED_TRACE(name);
    const auto unrolled = sample_ranged(parse_sampler(name), kAllUnrolled);
    const auto looped = sample_ranged(parse_sampler(name), kMostUnrolledStages);
    EXPECT_EQ(unrolled.loops, 0);
    EXPECT_EQ(looped.loops, 3);
    EXPECT_EQ(looped.traced_active, 1);
    EXPECT_GE(unrolled.traced_active, 4);
    expect_near(looped.result, unrolled.result, 1e-6F);
  }
}

TEST(TraceSamplerTest, ShortPlansAreUnrolledAndLongOnesLoopOnce) {
  for (const auto& [steps, loops] : {std::pair{4, 0}, std::pair{5, 1}, std::pair{40, 1}}) {
    Builder builder;
    SamplerInputs inputs;
    inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
    inputs.captures = {builder.scalar(0.0F)};
    const auto plan = plan_of(Sampler::kDpmpp2m, Scheduler::kKarras, steps);
    (void)trace_sampler(builder, plan, inputs, toy_network);
    EXPECT_EQ(std::ranges::count(builder.graph().nodes(), graph::OpKind::kLoop, &graph::Node::kind), loops) << steps;
  }
}

TEST(TraceSamplerTest, AnEmptyLatentIsALatentOfZeros) {
  const auto sample = [](bool zeros) {
    Builder builder;
    SamplerInputs inputs;
    inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
    if (zeros) inputs.latent = builder.constant(Tensor(DType::kF32, kLatent));
    inputs.captures = {builder.scalar(0.0F)};
    return run(builder, trace_sampler(builder, plan_of(Sampler::kHeun, Scheduler::kBeta, 3), inputs, toy_network));
  };
  EXPECT_EQ(sample(true), sample(false));
}

TEST(TraceSamplerTest, WithoutDenoisingTheLatentPasses) {
  for (const bool given : {true, false}) {
    Builder builder;
    SamplerInputs inputs;
    inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
    const Tensor latent = torch_randn(8, kLatent);
    if (given) inputs.latent = builder.constant(latent);
    const auto plan = plan_of(Sampler::kEuler, Scheduler::kNormal, 4, 0.0);
    const auto result = run(builder, trace_sampler(builder, plan, inputs, toy_network));
    const auto values = latent.values<float>();
    EXPECT_EQ(result, given ? std::vector<float>(values.begin(), values.end()) : std::vector<float>(16, 0.0F));
  }
}

TEST(TraceSamplerTest, StepNoiseIsAskedForWhenItIsNeeded) {
  Builder builder;
  SamplerInputs inputs;
  inputs.noise = builder.constant(torch_randn(kSeed, kLatent));
  inputs.captures = {builder.scalar(0.0F)};
  const auto plan = plan_of(Sampler::kLcm, Scheduler::kNormal, 2);
  EXPECT_THAT([&] { (void)trace_sampler(builder, plan, inputs, toy_network); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("make_step_noise")));
  inputs.step_noise = builder.constant(Tensor(DType::kF32, {1, 1, 4, 2, 2}));
  EXPECT_THAT([&] { (void)trace_sampler(builder, plan, inputs, toy_network); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("[2, 1, channels")));
}

}  // namespace
}  // namespace comfystream::diffusion
