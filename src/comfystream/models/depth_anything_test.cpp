// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_anything.hpp"

#include "comfystream/error.hpp"
#include "tests/support/network_golden.hpp"

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

using Taps = std::vector<std::int64_t>;

constexpr double kTolerance = 1e-4;

Tensor run(const DepthAnything& model, const Tensor& picture) {
  const Shape& shape = picture.shape();
  graph::Builder builder;
  const auto input = builder.input("picture", DType::kF32, {graph::kBatch, 3, shape[2], shape[3]});
  builder.output("depth", model.trace(builder, input));
  return tests::run_reference(builder.take(), {picture}, shape[0]).front();
}

class DepthAnythingParity : public ::testing::TestWithParam<const char*> {};

TEST_P(DepthAnythingParity, AgreesWithTransformers) {
  const std::string name = std::string("depth_anything_") + GetParam();
  const auto golden = tests::load_network_golden(name, name + ".safetensors");
  const DepthAnything model(golden.model);
  EXPECT_LT(tests::relative_error(run(model, golden.arrays.at("picture")), golden.arrays.at("depth")), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Layouts, DepthAnythingParity,
                         ::testing::Values("v1_official", "v2_official", "v1_transformers", "v2_transformers"),
                         [](const auto& param) { return std::string(param.param); });

/// A model of 12 layers that comes from `origin`.
weights::WeightMap model_from(const std::string& origin) {
  return tests::load_network_golden("depth_anything_v2_official", origin).model;
}

DepthAnythingVersion version_of(const weights::WeightMap& weights) { return DepthAnything(weights).config().version; }

TEST(DepthAnything, ReadsItsDimensionsOffTheTensors) {
  const DepthAnything model(model_from("depth_anything_v2_vits.pth"));
  EXPECT_EQ(model.config().width, 128);
  EXPECT_EQ(model.config().heads, 2);
  EXPECT_EQ(model.config().layers, 12);
  EXPECT_EQ(model.config().position_grid, 4);
  EXPECT_EQ(model.config().neck_channels, (Taps{12, 16, 24, 32}));
  EXPECT_EQ(model.config().fusion_channels, 16);
  EXPECT_EQ(model.config().taps, (Taps{2, 5, 8, 11}));
}

TEST(DepthAnything, TapsFollowTheVersion) {
  const auto weights = model_from("depth.safetensors");
  EXPECT_EQ(DepthAnything(weights, DepthAnythingVersion::kV1).config().taps, (Taps{8, 9, 10, 11}));
  EXPECT_EQ(DepthAnything(weights, DepthAnythingVersion::kV2).config().taps, (Taps{2, 5, 8, 11}));
  auto stated = weights;
  stated.set_metadata(kDepthTapsKey, "0,3,7,11");
  EXPECT_EQ(DepthAnything(stated, DepthAnythingVersion::kV2).config().taps, (Taps{0, 3, 7, 11}));
  for (const char* wrong : {"", "1,2,3", "1,2,3,12", "3,2,1,0", "1;2;3;4", "1,2,3,4,"}) {
    stated.set_metadata(kDepthTapsKey, wrong);
    EXPECT_THROW(DepthAnything(stated, DepthAnythingVersion::kV2), Error) << wrong;
  }
}

TEST(DepthAnything, TheVersionComesFromMetadataThenOptionThenName) {
  EXPECT_EQ(version_of(model_from("/models/depth_anything_v2_vitl.pth")), DepthAnythingVersion::kV2);
  EXPECT_EQ(version_of(model_from("/models/Depth-Anything-V2-Small-hf/model.safetensors")), DepthAnythingVersion::kV2);
  EXPECT_EQ(version_of(model_from("/models/depth_anything_vitl14.pth")), DepthAnythingVersion::kV1);
  EXPECT_EQ(version_of(model_from("/models/dav1.pth")), DepthAnythingVersion::kV1);
  EXPECT_EQ(DepthAnything(model_from("a_v2.pth"), DepthAnythingVersion::kV1).config().version,
            DepthAnythingVersion::kV1);
  auto stated = model_from("a_v2.pth");
  stated.set_metadata(kDepthVersionKey, "v1");
  EXPECT_EQ(DepthAnything(stated, DepthAnythingVersion::kV2).config().version, DepthAnythingVersion::kV1);
  stated.set_metadata(kDepthVersionKey, "v3");
  EXPECT_THROW(DepthAnything{stated}, Error);
}

TEST(DepthAnything, AnUnknownVersionIsAnErrorThatSaysHowToStateIt) {
  for (const char* name : {"depth.safetensors", "depth_v10.safetensors", "v1_or_v2.safetensors"}) {
    try {
      const DepthAnything model(model_from(name));
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos);
      EXPECT_NE(error.hint().find(kDepthVersionKey), std::string::npos);
    }
  }
}

TEST(DepthAnything, MetricModelsEndInASigmoid) {
  const auto golden = tests::load_network_golden("depth_anything_v2_official", "depth_anything_v2_metric_vits.pth");
  const DepthAnything model(golden.model);
  EXPECT_TRUE(model.config().metric);
  const Tensor metric = run(model, golden.arrays.at("picture"));
  const auto actual = metric.values<float>();
  const auto relative = golden.arrays.at("depth").to_f32();
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const float before = relative.values<float>()[i];
    if (before <= 0) continue;  // the relu has cut it off
    ASSERT_NEAR(actual[i], 1.0F / (1.0F + std::exp(-before)), 1e-4F);
  }
}

TEST(DepthAnything, SizesThatAreNoPatchesAreRefused) {
  const DepthAnything model(model_from("a_v2.pth"));
  graph::Builder builder;
  const auto input = builder.input("picture", DType::kF32, {graph::kBatch, 3, 56, 60});
  EXPECT_THROW(model.trace(builder, input), Error);
}

}  // namespace
}  // namespace comfystream::models
