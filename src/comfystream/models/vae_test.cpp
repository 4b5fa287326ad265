// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/vae.hpp"

#include "comfystream/error.hpp"
#include "tests/support/network_golden.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

constexpr double kTolerance = 1e-4;

Tensor run(const Tensor& operand, const std::function<graph::Value(graph::Builder&, graph::Value)>& trace) {
  const Shape& shape = operand.shape();
  graph::Builder builder;
  const auto input = builder.input("operand", DType::kF32, {graph::kBatch, shape[1], shape[2], shape[3]});
  builder.output("result", trace(builder, input));
  return tests::run_reference(builder.take(), {operand}, shape[0]).front();
}

std::unique_ptr<Vae> make_vae(const std::string& name, const weights::WeightMap& weights) {
  return name.starts_with("vae") ? make_autoencoder_kl(weights) : make_autoencoder_tiny(weights, weights);
}

class VaeParity : public ::testing::TestWithParam<const char*> {};

TEST_P(VaeParity, DecodesAsDiffusers) {
  const auto golden = tests::load_network_golden(GetParam());
  const auto vae = make_vae(GetParam(), golden.model);
  const Tensor picture = run(golden.arrays.at("latent"), [&](auto& b, auto v) { return vae->decode(b, v); });
  EXPECT_LT(tests::relative_error(picture, golden.arrays.at("decoded")), kTolerance);
  EXPECT_EQ(picture.shape()[3], golden.arrays.at("latent").shape()[3] * vae->downscale());
}

TEST_P(VaeParity, EncodesAsDiffusers) {
  const auto golden = tests::load_network_golden(GetParam());
  const auto vae = make_vae(GetParam(), golden.model);
  const Tensor latent = run(golden.arrays.at("picture"), [&](auto& b, auto v) { return vae->encode(b, v); });
  EXPECT_LT(tests::relative_error(latent, golden.arrays.at("encoded")), kTolerance);
}

TEST_P(VaeParity, PicturesAreMostlyInsideTheRange) {
  const auto golden = tests::load_network_golden(GetParam());
  const auto decoded = golden.arrays.at("decoded").to_f32();
  std::size_t inside = 0;
  for (const float value : decoded.values<float>()) inside += value > 0 && value < 1 ? 1 : 0;
  EXPECT_GT(inside, decoded.values<float>().size() * 3 / 4) << "else the parity above sees little";
}

INSTANTIATE_TEST_SUITE_P(Layouts, VaeParity,
                         ::testing::Values("vae_ldm", "vae_diffusers", "taesd_original", "taesd_diffusers"),
                         [](const auto& param) { return std::string(param.param); });

TEST(Vae, DownscaleIsReadOffTheLevels) {
  EXPECT_EQ(make_autoencoder_kl(tests::load_network_golden("vae_ldm").model)->downscale(), 4);
  EXPECT_EQ(make_autoencoder_kl(tests::load_network_golden("vae_diffusers").model)->downscale(), 2);
}

TEST(Vae, AHalfThatIsNotLoadedIsAnErrorThatNamesItsFile) {
  const auto weights = tests::load_network_golden("taesd_original").model;
  const auto decoder_only = make_autoencoder_tiny({}, weights);
  graph::Builder builder;
  const auto picture = builder.input("picture", DType::kF32, {graph::kBatch, 3, 16, 16});
  try {
    (void)decoder_only->encode(builder, picture);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.hint().find("taesd_encoder"), std::string::npos);
  }
}

}  // namespace
}  // namespace comfystream::models
