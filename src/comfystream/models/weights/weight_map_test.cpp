// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/weight_map.hpp"

#include "comfystream/models/weights/convert.hpp"
#include "comfystream/models/weights/synth_values.hpp"
#include "tests/support/thrown_error.hpp"

#include <array>
#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::weights {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;

WeightMap map_of(std::initializer_list<const char*> names) {
  WeightMap map("folder/model.safetensors");
  for (const char* name : names) map.insert(name, Tensor::scalar(static_cast<float>(map.tensors().size())));
  return map;
}

TEST(WeightMap, NamesWhatIsMissing) {
  const WeightMap map = map_of({"a"});
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_FALSE(map.contains("b"));
  const Error error = tests::thrown_by([&] { return map.at("b"); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.message(), "no tensor 'b' in 'folder/model.safetensors'");
  EXPECT_THAT(tests::thrown_by([] { return WeightMap().at("b"); }).message(), HasSubstr("in the model"));
}

TEST(WeightMap, LastInsertedCounts) {
  WeightMap map = map_of({"a"});
  map.insert("a", Tensor::scalar(7));
  EXPECT_EQ(map.at("a").values<float>()[0], 7);
}

TEST(WeightMap, PrefixesAreTakenOff) {
  WeightMap map = map_of({"m", "m.", "m.a", "m.b.c", "ma", "n.a"});
  map.insert_unsupported("m.q", "F8_E4M3");
  map.set_metadata("k", "v");
  const WeightMap part = map.with_prefix_removed("m.");
  EXPECT_THAT(part.tensors(), ElementsAre(Key(""), Key("a"), Key("b.c")));
  EXPECT_THAT(part.unsupported(), ElementsAre(Pair("q", "F8_E4M3")));
  EXPECT_THAT(part.metadata(), ElementsAre(Pair("k", "v")));
  EXPECT_EQ(part.origin(), map.origin());
  EXPECT_EQ(part.at("a").bytes().data(), map.at("m.a").bytes().data());
}

TEST(WeightMap, CountsBlocks) {
  const WeightMap map = map_of({"b.0.x", "b.10.x", "b.2.x", "b.x.9", "b.7", "c.3.x"});
  EXPECT_EQ(map.count_indexed("b."), 11);
  EXPECT_EQ(map.count_indexed("c."), 4);
  EXPECT_EQ(map.count_indexed("d."), 0);
  const WeightMap hostile = map_of({"b.-1.x", "b.99999999999999999999.x", "b.100000.x", "b.+1.x", "b.1x.y"});
  EXPECT_EQ(hostile.count_indexed("b."), 0);
}

TEST(WeightMap, EmptiedKeepsWhatTheFileWas) {
  WeightMap map = map_of({"a"});
  map.set_metadata("k", "v");
  const WeightMap none = map.emptied();
  EXPECT_TRUE(none.tensors().empty());
  EXPECT_THAT(none.metadata(), ElementsAre(Pair("k", "v")));
  EXPECT_EQ(none.origin(), map.origin());
}

TEST(Convert, DoublesMayLieAnywhere) {
  std::array<std::byte, 17> bytes{};
  const double value = -2.5;
  std::memcpy(bytes.data() + 1, &value, sizeof value);
  const auto shifted = std::span<const std::byte>(bytes).subspan(1);
  const Tensor floats = f32_from_f64(Shape{2}, shifted);
  EXPECT_THAT(floats.values<float>(), ElementsAre(-2.5F, 0.0F));
  EXPECT_EQ(tests::thrown_by([&] { return f32_from_f64(Shape{3}, shifted); }).code(), ErrorCode::kInvalidArgument);
}

TEST(SynthValues, KindsAreToldByNameAndRank) {
  const std::vector<std::pair<SynthKind, std::pair<const char*, Shape>>> kinds = {
      {SynthKind::kMatrix, {"conv.weight", Shape{4, 4, 3, 3}}},
      {SynthKind::kNormScale, {"norm.weight", Shape{4}}},
      {SynthKind::kNormScale, {"ls1.gamma", Shape{4}}},
      {SynthKind::kBias, {"norm.bias", Shape{4}}},
      {SynthKind::kEmbedding, {"token_embedding.weight", Shape{9, 4}}},
      {SynthKind::kEmbedding, {"pretrained.pos_embed", Shape{1, 9, 4}}},
  };
  for (const auto& [kind, tensor] : kinds) {
    EXPECT_EQ(guess_synth_kind(tensor.first, tensor.second), kind) << tensor.first;
  }
}

/// Mean and standard deviation.
std::pair<double, double> spread(SynthKind kind, const Shape& shape, float gain) {
  const Tensor tensor = synth_tensor("x", shape, kind, 1, gain);
  double sum = 0;
  double squares = 0;
  for (const float value : tensor.values<float>()) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const double mean = sum / static_cast<double>(tensor.elements());
  return {mean, std::sqrt(squares / static_cast<double>(tensor.elements()) - mean * mean)};
}

TEST(SynthValues, HaveTheSpreadOfTheirKind) {
  const auto matrix = spread(SynthKind::kMatrix, Shape{100, 25, 2, 2}, 3);
  EXPECT_NEAR(matrix.first, 0, 0.01);
  EXPECT_NEAR(matrix.second, 0.3, 0.01);
  EXPECT_NEAR(spread(SynthKind::kBias, Shape{10000}, 2).second, 0.1, 0.005);
  EXPECT_NEAR(spread(SynthKind::kEmbedding, Shape{10000}, 1).second, 0.5, 0.02);
  EXPECT_NEAR(spread(SynthKind::kNormScale, Shape{10000}, 1).first, 1, 0.01);
}

}  // namespace
}  // namespace comfystream::weights
