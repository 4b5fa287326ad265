// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/sigmas.hpp"

#include "comfystream/diffusion/beta_distribution.hpp"
#include "comfystream/diffusion/golden_json.hpp"
#include "comfystream/error.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::diffusion {
namespace {

/// A few units in the last place: PyTorch's exp, log and pow are its own, and its linspace depends on the vector width.
constexpr float kRelative = 1e-6F;

TEST(ModelSamplingTest, TrainedSigmasAreComfyUis) {
  const ModelSampling model;
  const auto golden = load_golden("sigmas.json");
  const auto trained = golden["trained"].get<std::vector<float>>();
  ASSERT_EQ(model.sigmas().size(), trained.size());
  for (std::size_t t = 0; t < trained.size(); ++t) EXPECT_FLOAT_EQ(model.sigmas()[t], trained[t]) << "timestep " << t;
}

TEST(ModelSamplingTest, EveryTimestepIsItsOwnNearest) {
  const ModelSampling model;
  for (std::size_t t = 0; t < model.sigmas().size(); ++t) {
    EXPECT_EQ(model.timestep(model.sigmas()[t]), static_cast<std::int64_t>(t));
    EXPECT_NEAR(model.sigma(static_cast<float>(t)), model.sigmas()[t], kRelative * model.sigmas()[t]);
  }
  EXPECT_EQ(model.timestep(1000.0F), 999);
  EXPECT_EQ(model.timestep(1e-6F), 0);
}

TEST(ModelSamplingTest, PercentsBecomeSigmas) {
  const ModelSampling model;
  const auto golden = load_golden("sigmas.json");
  for (const auto& pair : golden["percents"]) {
    const auto expected = pair[1].get<double>();
    EXPECT_NEAR(model.percent_to_sigma(pair[0].get<double>()), expected, kRelative * expected) << "at " << pair[0];
  }
}

TEST(SigmasTest, EverySchedulerIsComfyUis) {
  const ModelSampling model;
  const auto golden = load_golden("sigmas.json");
  for (const auto& entry : golden["schedules"]) {
    const auto name = entry["scheduler"].get<std::string>();
    SCOPED_TRACE(name + ", " + entry["steps"].dump() + " steps, denoise " + entry["denoise"].dump());
    const auto sigmas = ksampler_sigmas(model, parse_scheduler(name), entry["steps"].get<std::int64_t>(),
                                        entry["denoise"].get<double>());
    const auto expected = entry["sigmas"].get<std::vector<float>>();
    ASSERT_EQ(sigmas.size(), entry["count"].get<std::size_t>());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(sigmas[i], expected[i], kRelative * expected[i]) << "sigma " << i;
    }
    if (!entry.contains("timesteps")) continue;
    const auto timesteps = entry["timesteps"].get<std::vector<std::int64_t>>();
    for (std::size_t i = 0; i < timesteps.size(); ++i) {
      EXPECT_EQ(model.timestep(sigmas[i]), timesteps[i]) << "timestep " << i;
    }
  }
}

TEST(SigmasTest, ThePenultimateSigmaIsDiscardedOnRequest) {
  const ModelSampling model;
  auto expected = make_sigmas(model, Scheduler::kKarras, 6);
  expected.erase(expected.end() - 2);
  EXPECT_EQ(ksampler_sigmas(model, Scheduler::kKarras, 5, 1.0, true), expected);
}

TEST(SigmasTest, NamesRoundTripAndUnknownOnesAreRefused) {
  for (std::size_t i = 0; i < scheduler_names().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(parse_scheduler(scheduler_names()[i])), i);
  }
  EXPECT_EQ(parse_scheduler("normal"), Scheduler::kNormal);
  EXPECT_EQ(parse_scheduler("beta"), Scheduler::kBeta);
  EXPECT_THAT([] { (void)parse_scheduler("kl_optimal"); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("kl_optimal")));
  EXPECT_THROW((void)make_sigmas(ModelSampling(), Scheduler::kNormal, 0), Error);
}

TEST(BetaDistributionTest, IncompleteBetaHasItsClosedForms) {
  for (const double x : {0.01, 0.2, 0.5, 0.77, 0.999}) {
    EXPECT_NEAR(incomplete_beta(x, 1.0, 1.0), x, 1e-14);
    EXPECT_NEAR(incomplete_beta(x, 3.0, 1.0), x * x * x, 1e-13);
    EXPECT_NEAR(incomplete_beta(x, 0.5, 0.5), 2.0 / 3.14159265358979323846 * std::asin(std::sqrt(x)), 1e-13);
  }
}

TEST(BetaDistributionTest, QuantileInverts) {
  for (const double p : {1e-6, 0.03, 0.25, 0.5, 0.8, 0.9999}) {
    EXPECT_NEAR(incomplete_beta(beta_quantile(p, 0.6, 0.6), 0.6, 0.6), p, 1e-12);
    EXPECT_NEAR(incomplete_beta(beta_quantile(p, 2.5, 0.7), 2.5, 0.7), p, 1e-12);
  }
  EXPECT_EQ(beta_quantile(0.5, 0.6, 0.6), 0.5);
  EXPECT_EQ(beta_quantile(1.0, 0.6, 0.6), 1.0);
}

}  // namespace
}  // namespace comfystream::diffusion
