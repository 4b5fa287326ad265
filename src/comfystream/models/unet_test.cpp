// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/unet.hpp"

#include "comfystream/error.hpp"
#include "tests/support/network_golden.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

using Counts = std::vector<std::int64_t>;

constexpr double kTolerance = 1e-4;

/// Rows that come with every frame become an input, one row for all a parameter.
struct Feed {
  graph::Builder builder;
  std::vector<Tensor> inputs;

  graph::Value operator()(const std::string& name, const Tensor& value, std::int64_t batch) {
    graph::SymShape shape(value.shape());
    if (value.shape()[0] == 1) return builder.parameter(name, shape, value);
    shape.dims()[0] = graph::Dim{value.shape()[0] / batch, true};
    inputs.push_back(value);
    return builder.input(name, DType::kF32, shape);
  }
};

Tensor run(const UNet& unet, const weights::WeightMap& given, std::int64_t batch) {
  Feed feed;
  const auto x = feed("x", given.at("x"), batch);
  const auto timesteps = feed("timesteps", given.at("timesteps"), batch);
  const auto context = feed("context", given.at("context"), batch);
  feed.builder.output("eps", unet.trace(feed.builder, x, timesteps, context));
  return tests::run_reference(feed.builder.take(), feed.inputs, batch).front();
}

/// The golden's inputs with one of them replaced.
weights::WeightMap with(const weights::WeightMap& given, const std::string& name, const Tensor& value) {
  weights::WeightMap changed;
  for (const char* key : {"x", "timesteps", "context"}) changed.insert(key, key == name ? value : given.at(key));
  return changed;
}

Tensor noise(const std::string& name, const Shape& shape, float gain) {
  return weights::synth_tensor(name, shape, weights::SynthKind::kEmbedding, 31, gain);
}

TEST(UNet, AgreesWithDiffusersInLdmLayout) {
  const auto golden = tests::load_network_golden("unet_ldm");
  const UNet unet(golden.model);
  EXPECT_EQ(unet.config().model_channels, 32);
  EXPECT_EQ(unet.config().channel_mult, (Counts{1, 2, 3}));
  EXPECT_EQ(unet.config().transformer_depth, (Counts{1, 2, 0}));
  EXPECT_EQ(unet.config().res_blocks, 2);
  EXPECT_EQ(unet.config().context_dim, 48);
  EXPECT_LT(tests::relative_error(run(unet, golden.arrays, 2), golden.arrays.at("eps")), kTolerance);
}

TEST(UNet, AgreesWithDiffusersInItsOwnLayoutWithOddLatentsAndOnePromptForAll) {
  const auto golden = tests::load_network_golden("unet_diffusers");
  const UNet unet(golden.model);
  EXPECT_EQ(unet.config().channel_mult, (Counts{1, 2}));
  EXPECT_EQ(unet.config().transformer_depth, (Counts{0, 1}));
  EXPECT_EQ(unet.config().res_blocks, 1);
  EXPECT_LT(tests::relative_error(run(unet, golden.arrays, 3), golden.arrays.at("eps")), kTolerance);
}

TEST(UNet, RowsOfABatchThatHoldsSeveralPerFrameAreIndependent) {
  const auto golden = tests::load_network_golden("unet_ldm");
  // One frame of two rows, as with cfg, instead of two frames of one.
  EXPECT_LT(tests::relative_error(run(UNet(golden.model), golden.arrays, 1), golden.arrays.at("eps")), kTolerance);
}

TEST(UNet, LayoutDoesNotMatter) {
  const auto golden = tests::load_network_golden("unet_ldm");
  weights::WeightMap plain("plain.safetensors");
  const std::string prefix = "model.diffusion_model.";
  for (const auto& [name, tensor] : golden.model.tensors()) {
    const Shape& shape = tensor.shape();
    const bool matrix = name.ends_with("proj_in.weight") || name.ends_with("proj_out.weight");
    plain.insert(name.substr(prefix.size()), matrix ? tensor.reshaped({shape[0], shape[1]}) : tensor);
  }
  EXPECT_LT(tests::relative_error(run(UNet(plain), golden.arrays, 2), golden.arrays.at("eps")), kTolerance);
}

TEST(UNet, PromptTimestepAndLatentsAllCount) {
  const auto golden = tests::load_network_golden("unet_ldm");
  const UNet unet(golden.model);
  const Tensor& eps = golden.arrays.at("eps");
  const auto changed = [&](const char* name, const Tensor& value) {
    return tests::relative_error(run(unet, with(golden.arrays, name, value), 2), eps);
  };
  EXPECT_GT(changed("context", noise("other", {2, 154, 48}, 4.0F)), 0.05);
  EXPECT_GT(changed("timesteps", Tensor::from<float>({2}, std::vector<float>{37.0F, 801.0F})), 0.05);
  EXPECT_GT(changed("x", noise("other", {2, 4, 8, 12}, 2.0F)), 0.05);
}

class UNetControl : public ::testing::Test {
 protected:
  /// Residuals that come with each of two frames, for latents that are the same for all.
  static ControlResiduals residuals(Feed& feed) {
    ControlResiduals control;
    Counts channels{32, 32, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 128};
    Counts sides{8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1, 1};
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const std::string name = "control_" + std::to_string(i);
      control.skips.push_back(feed(name, noise(name, {2, channels[i], sides[i], sides[i]}, 2.0F), 2));
    }
    control.middle = control.skips.back();
    control.skips.pop_back();
    return control;
  }

  Tensor run_with(const std::function<void(ControlResiduals&)>& change) {
    Feed feed;
    const auto x = feed("x", golden_.arrays.at("x"), 2);
    const auto timesteps = feed("timesteps", golden_.arrays.at("timesteps"), 2);
    const auto context = feed("context", golden_.arrays.at("context"), 2);
    ControlResiduals control = residuals(feed);
    change(control);
    feed.builder.output("eps", UNet(golden_.model).trace(feed.builder, x, timesteps, context, &control));
    return tests::run_reference(feed.builder.take(), feed.inputs, 2).front();
  }

  tests::NetworkGolden golden_ = tests::load_network_golden("unet_four_levels");
};

TEST_F(UNetControl, StaysOneRowWithoutAFrame) {
  graph::Builder builder;
  const auto constant = [&](const char* name) { return builder.constant(golden_.arrays.at(name)); };
  const auto eps = UNet(golden_.model).trace(builder, constant("x"), constant("timesteps"), constant("context"));
  EXPECT_FALSE(builder.shape(eps).symbolic());
  builder.output("eps", eps);
  EXPECT_LT(tests::relative_error(tests::run_reference(builder.take(), {}, 1).front(), golden_.arrays.at("eps")),
            kTolerance);
}

TEST_F(UNetControl, ResidualsOfEachFrameMeetLatentsOfAll) {
  const Tensor& expected = golden_.arrays.at("eps_control");
  EXPECT_LT(tests::relative_error(run_with([](ControlResiduals&) {}), expected), kTolerance);
}

TEST_F(UNetControl, EveryResidualCounts) {
  const Tensor& expected = golden_.arrays.at("eps_control");
  EXPECT_GT(tests::relative_error(run_with([](ControlResiduals& c) { c.middle.reset(); }), expected), 0.01);
  EXPECT_GT(tests::relative_error(run_with([](ControlResiduals& c) { c.skips.clear(); }), expected), 0.05);
  EXPECT_GT(tests::relative_error(run_with([](ControlResiduals& c) { std::swap(c.skips[1], c.skips[2]); }), expected),
            0.01);
}

TEST_F(UNetControl, AControlNetOfAnotherShapeIsRefused) {
  EXPECT_THROW(run_with([](ControlResiduals& c) { c.skips.pop_back(); }), Error);
}

TEST(UNet, OperandsOfTheWrongShapeAreRefused) {
  const UNet unet(tests::load_network_golden("unet_diffusers").model);
  graph::Builder builder;
  const auto parameter = [&](const char* name, const Shape& shape) {
    return builder.parameter(name, graph::SymShape(shape), Tensor(DType::kF32, shape));
  };
  const auto x = parameter("x", {1, 4, 8, 8});
  const auto timesteps = parameter("t", {1});
  const auto context = parameter("c", {1, 77, 40});
  EXPECT_NO_THROW(unet.trace(builder, x, timesteps, context));
  EXPECT_THROW(unet.trace(builder, parameter("x3", {1, 3, 8, 8}), timesteps, context), Error);
  EXPECT_THROW(unet.trace(builder, x, timesteps, parameter("c768", {1, 77, 768})), Error);
}

}  // namespace
}  // namespace comfystream::models
