// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_map.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/resize_u8.hpp"
#include "tests/support/network_golden.hpp"

#include <cstdio>

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

/// A map [N, H, W, 3] of n / 255, as the bytes n [N, H, W]; the three channels must be equal.
std::vector<int> to_bytes(const Tensor& map) {
  const auto values = map.values<float>();
  std::vector<int> bytes;
  for (std::size_t i = 0; i < values.size(); i += 3) {
    EXPECT_EQ(values[i], values[i + 1]);
    EXPECT_EQ(values[i], values[i + 2]);
    const auto byte = static_cast<int>(std::lround(values[i] * 255.0F));
    EXPECT_EQ(values[i], static_cast<float>(byte) / 255.0F);
    bytes.push_back(byte);
  }
  return bytes;
}

Tensor run_depth_to_map(const Tensor& depth, std::int64_t height, std::int64_t width, bool inverted = false) {
  const Shape& shape = depth.shape();
  graph::Builder builder;
  const auto input = builder.input("depth", DType::kF32, {graph::kBatch, 1, shape[2], shape[3]});
  builder.output("map", trace_depth_to_map(builder, input, height, width, {.inverted = inverted}));
  return tests::run_reference(builder.take(), {depth}, shape[0]).front();
}

TEST(DepthMap, IsOpenCvsBitForBit) {
  const auto golden = tests::load_network_golden("depth_map_resize");
  ASSERT_GE(golden.arrays.tensors().size(), 8U);
  for (const auto& [name, expected] : golden.arrays.tensors()) {
    std::int64_t h = 0, w = 0, height = 0, width = 0;
    ASSERT_EQ(std::sscanf(name.c_str(), "map.%ldx%ld.%ldx%ld", &h, &w, &height, &width), 4);
    const std::string source = "depth." + std::to_string(h) + "x" + std::to_string(w);
    Tensor depth = weights::synth_tensor(source, {2, 1, h, w}, weights::SynthKind::kEmbedding, 1);
    const auto values = depth.mutable_values<float>();
    const auto second = values.subspan(values.size() / 2);
    if (h < 100) {
      std::fill(second.begin(), second.end(), 0.25F);  // a constant frame
    } else {
      depth = Tensor::from<float>({1, 1, h, w}, values.first(values.size() / 2));
    }
    const std::vector<int> actual = to_bytes(run_depth_to_map(depth, height, width));
    const auto bytes = expected.bytes();
    ASSERT_EQ(actual.size(), bytes.size()) << name;
    std::size_t different = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) different += actual[i] == static_cast<int>(bytes[i]) ? 0U : 1U;
    EXPECT_EQ(different, 0U) << name;
  }
}

TEST(DepthMap, EveryFrameHasItsOwnRangeAndAConstantOneIsZero) {
  const Tensor depth = Tensor::from<float>({3, 1, 1, 2}, std::vector<float>{0, 1, 10, 30, 5, 5});
  EXPECT_EQ(to_bytes(run_depth_to_map(depth, 1, 2)), (std::vector<int>{0, 255, 0, 255, 0, 0}));
  EXPECT_EQ(to_bytes(run_depth_to_map(depth, 1, 2, true)), (std::vector<int>{255, 0, 255, 0, 255, 255}));
}

TEST(DepthMap, AskedRangeIsStretchedAndTheRestClipped) {
  const Tensor depth = Tensor::from<float>({2, 1, 1, 4}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 8});
  graph::Builder builder;
  const auto input = builder.input("depth", DType::kF32, {graph::kBatch, 1, 1, 4});
  DepthMapOptions options;
  graph::Value seen{};
  options.range = [&](graph::Value own) {
    seen = own;
    return builder.constant(Tensor::from<float>({1, 2}, std::vector<float>{1, 6}));
  };
  const auto map = trace_depth_to_map(builder, input, 1, 4, options);
  builder.output("map", map);
  builder.output("own", seen);
  const auto results = tests::run_reference(builder.take(), {depth}, 2);
  EXPECT_EQ(to_bytes(results[0]), (std::vector<int>{0, 0, 51, 102, 153, 204, 255, 255}));
  const auto own = results[1].values<float>();
  EXPECT_EQ(std::vector<float>(own.begin(), own.end()), (std::vector<float>{0, 3, 4, 8}));
}

TEST(DepthMap, CutsOffFractions) {
  const Tensor depth = Tensor::from<float>({1, 1, 1, 3}, std::vector<float>{0, 0.999F, 255});
  EXPECT_EQ(to_bytes(run_depth_to_map(depth, 1, 3)), (std::vector<int>{0, 0, 255}));
}

TEST(DepthMap, WholeNodeAgreesWithItsArithmeticInPython) {
  const auto golden = tests::load_network_golden("depth_map_network");
  const DepthAnything model(golden.model, DepthAnythingVersion::kV2);
  graph::Builder builder;
  const auto images = builder.input("images", DType::kF32, {graph::kBatch, 45, 80, 3});
  builder.output("map", trace_depth_map(builder, model, images, {.engine_height = 56, .engine_width = 56}));
  const Tensor map = tests::run_reference(builder.take(), {golden.arrays.at("images")}, 3).front();

  ASSERT_EQ(map.shape(), Shape({3, 45, 80, 3}));
  const std::vector<int> actual = to_bytes(map);
  const auto expected = golden.arrays.at("map").bytes();
  ASSERT_EQ(actual.size(), expected.size());
  std::size_t different = 0;
  int largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const int difference = std::abs(actual[i] - static_cast<int>(expected[i]));
    different += difference == 0 ? 0U : 1U;
    largest = std::max(largest, difference);
  }
  // A depth that differs in its last bits may fall on the other side of a whole number.
  EXPECT_LE(largest, 1);
  EXPECT_LE(different, expected.size() / 1000);
}

TEST(DepthMap, RefusesWhatIsNoImage) {
  const DepthAnything model(tests::load_network_golden("depth_map_network").model, DepthAnythingVersion::kV2);
  graph::Builder builder;
  const auto planar = builder.input("images", DType::kF32, {graph::kBatch, 3, 45, 80});
  EXPECT_THROW((void)trace_depth_map(builder, model, planar), Error);
  EXPECT_THROW((void)trace_resize_u8(builder, planar, 10, 10), Error);
}

}  // namespace
}  // namespace comfystream::models
