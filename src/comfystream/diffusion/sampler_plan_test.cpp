// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/sampler_plan.hpp"

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

using Latent = std::vector<float>;

Latent values_of(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

/// tools/goldens/samplers.py's network.
float toy_network(float x, float timestep, float context) {
  return std::tanh(0.4F * x + 0.0007F * timestep - 0.3F) * 0.9F + 0.05F * context;
}

/// Stage's formulas, word for word, on the host.
Latent walk(const SamplerPlan& plan, const Latent& noise, const Latent& latent, const Latent& context,
            const Latent& step_noise) {
  Latent result;
  for (std::size_t i = 0; i < latent.size(); ++i) {
    float x = noise[i] * plan.noise_scale + latent[i];
    float memory = 0.0F;
    for (std::size_t s = 0; s < plan.stages.size(); ++s) {
      const Stage& stage = plan.stages[s];
      const float eps = toy_network(stage.input_scale * x, stage.timestep, context[i]);
      const float next = stage.x_gain * x + stage.eps_gain * eps + stage.memory_gain * memory +
                         stage.noise_gain * step_noise[s * latent.size() + i];
      memory = stage.memory_x_gain != 0.0F || stage.memory_eps_gain != 0.0F
                   ? stage.memory_x_gain * x + stage.memory_eps_gain * eps
                   : memory;
      x = next;
    }
    result.push_back(x);
  }
  return result;
}

TEST(SamplerPlanTest, EverySamplerAndSchedulerGivesTheLatentOfThePapersFormulas) {
  const ModelSampling model;
  const auto golden = load_golden("samplers.json");
  const auto seed = golden["seed"].get<std::uint64_t>();
  const Shape shape(golden["shape"].get<std::vector<std::int64_t>>());
  const auto noise = values_of(torch_randn(seed, shape));
  const auto latent = golden["latent"].get<Latent>();
  const auto context = golden["context"].get<Latent>();
  for (const auto& entry : golden["cases"]) {
    SCOPED_TRACE(entry.dump().substr(0, 200));
    const auto sigmas = ksampler_sigmas(model, parse_scheduler(entry["scheduler"].get<std::string>()),
                                        entry["steps"].get<std::int64_t>(), entry["denoise"].get<double>());
    const auto plan = plan_sampler(model, parse_sampler(entry["sampler"].get<std::string>()), sigmas);
    const auto result = walk(plan, noise, latent, context, values_of(make_step_noise(plan, seed, shape)));
    const auto expected = entry["result"].get<Latent>();
    const float scale = std::abs(*std::ranges::max_element(expected, {}, [](float value) { return std::abs(value); }));
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(result[i], expected[i], 1e-5F * scale) << i;
  }
}

TEST(SamplerPlanTest, OneStepFromNoiseIsOneWholeDenoising) {
  const ModelSampling model;
  const auto sigmas = make_sigmas(model, Scheduler::kNormal, 1);
  for (const auto& name : sampler_names()) {
    const auto plan = plan_sampler(model, parse_sampler(name), sigmas);
    ASSERT_EQ(plan.stages.size(), 1U) << name;
    const auto& stage = plan.stages.front();
    EXPECT_FLOAT_EQ(plan.noise_scale, std::sqrt(1.0F + sigmas[0] * sigmas[0])) << name;
    EXPECT_EQ(stage.timestep, 999.0F) << name;
    EXPECT_FLOAT_EQ(stage.x_gain, 1.0F) << name;
    EXPECT_FLOAT_EQ(stage.eps_gain, -sigmas[0]) << name;
    EXPECT_FALSE(plan.uses_memory() || plan.uses_step_noise()) << name;
  }
}

TEST(SamplerPlanTest, HeunEvaluatesTwiceAStepButTheLast) {
  const ModelSampling model;
  const auto plan = plan_sampler(model, Sampler::kHeun, make_sigmas(model, Scheduler::kKarras, 5));
  EXPECT_EQ(plan.stages.size(), 9U);
  EXPECT_TRUE(plan.uses_memory());
}

TEST(SamplerPlanTest, NoDenoisingMeansNoStages) {
  const ModelSampling model;
  EXPECT_TRUE(plan_sampler(model, Sampler::kLcm, ksampler_sigmas(model, Scheduler::kNormal, 4, 0.0)).stages.empty());
}

TEST(SamplerPlanTest, RepeatedSigmasStayFinite) {
  const ModelSampling model;
  const std::vector<float> sigmas{3.0F, 2.0F, 2.0F, 1.0F, 0.0F};
  for (const auto& name : sampler_names()) {
    for (const auto& stage : plan_sampler(model, parse_sampler(name), sigmas).stages) {
      for (const float gain : {stage.x_gain, stage.eps_gain, stage.memory_gain, stage.noise_gain}) {
        EXPECT_TRUE(std::isfinite(gain)) << name;
      }
    }
  }
}

TEST(SamplerPlanTest, StepNoiseIsDrawnOncePerNoisyStage) {
  const ModelSampling model;
  const auto plan = plan_sampler(model, Sampler::kLcm, make_sigmas(model, Scheduler::kNormal, 3));
  const Tensor noise = make_step_noise(plan, 41, {1, 4, 2, 2});
  EXPECT_EQ(noise.shape(), (Shape{3, 1, 4, 2, 2}));
  TorchGenerator generator(42);
  auto expected = values_of(generator.randn({1, 4, 2, 2}));
  const auto second = values_of(generator.randn({1, 4, 2, 2}));
  expected.insert(expected.end(), second.begin(), second.end());
  expected.resize(48, 0.0F);
  EXPECT_EQ(values_of(noise), expected);
}

TEST(SamplerPlanTest, RangesHoldTheirEnds) {
  const ModelSampling model;
  const SigmaRange range{model.percent_to_sigma(0.25), model.percent_to_sigma(0.75)};
  EXPECT_TRUE(range.contains(static_cast<float>(range.start)));
  EXPECT_TRUE(range.contains(static_cast<float>(range.end)));
  EXPECT_FALSE(range.contains(std::nextafter(static_cast<float>(range.start), 100.0F)));
  EXPECT_FALSE(range.contains(std::nextafter(static_cast<float>(range.end), 0.0F)));
  EXPECT_TRUE((SigmaRange{}.contains(model.sigma_max())));
}

TEST(SamplerPlanTest, UnknownNamesAndIllSigmasAreRefused) {
  EXPECT_THAT([] { (void)parse_sampler("uni_pc"); }, testing::ThrowsMessage<Error>(testing::HasSubstr("uni_pc")));
  const std::vector<float> sigmas{3.0F, 0.0F, 0.0F};
  EXPECT_THROW((void)plan_sampler(ModelSampling(), Sampler::kEuler, sigmas), Error);
}

}  // namespace
}  // namespace comfystream::diffusion
