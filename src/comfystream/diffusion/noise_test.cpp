// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/noise.hpp"

#include "comfystream/diffusion/golden_json.hpp"

#include <bit>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::diffusion {
namespace {

std::string fnv1a64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0xCBF29CE484222325U;
  for (const std::byte byte : bytes) value = (value ^ static_cast<std::uint64_t>(byte)) * 0x100000001B3U;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

void expect_bits(std::span<const float> values, const nlohmann::json& bits) {
  ASSERT_EQ(values.size(), bits.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(values[i]), bits[i].get<std::uint32_t>()) << "element " << i;
  }
}

void expect_draw(const Tensor& draw, const nlohmann::json& golden) {
  const auto values = draw.values<float>();
  if (golden.contains("bits")) {
    expect_bits(values, golden["bits"]);
  } else {
    expect_bits(values.first(4), golden["first"]);
    expect_bits(values.last(4), golden["last"]);
  }
  EXPECT_EQ(fnv1a64(draw.bytes()), golden["hash"].get<std::string>());
}

Shape shape_of(const nlohmann::json& golden) { return Shape(golden["shape"].get<std::vector<std::int64_t>>()); }

TEST(NoiseTest, DrawsEqualPyTorchBitForBit) {
  const auto goldens = load_golden("noise.json");
  for (const auto& golden : goldens["single"]) {
    SCOPED_TRACE("seed " + golden["seed"].get<std::string>() + " shape " + golden["shape"].dump());
    expect_draw(torch_randn(std::stoull(golden["seed"].get<std::string>()), shape_of(golden)), golden);
  }
}

TEST(NoiseTest, SuccessiveDrawsContinueOneSequence) {
  const auto goldens = load_golden("noise.json");
  for (const auto& golden : goldens["sequences"]) {
    TorchGenerator generator(std::stoull(golden["seed"].get<std::string>()));
    for (const auto& draw : golden["draws"]) {
      SCOPED_TRACE("seed " + golden["seed"].get<std::string>() + " shape " + draw["shape"].dump());
      expect_draw(generator.randn(shape_of(draw)), draw);
    }
  }
}

TEST(NoiseTest, AnEmptyTensorDrawsNothing) {
  TorchGenerator touched(7);
  EXPECT_EQ(touched.randn({0, 4}).elements(), 0);
  EXPECT_EQ(touched.randn({5}).values<float>()[0], torch_randn(7, {5}).values<float>()[0]);
}

}  // namespace
}  // namespace comfystream::diffusion
