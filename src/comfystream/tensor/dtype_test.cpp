// SPDX-License-Identifier: Apache-2.0
#include "comfystream/tensor/dtype.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace comfystream {
namespace {

constexpr std::uint32_t kPatterns = 1U << 16;

/// What a binary16 pattern means by IEEE 754, by arithmetic rather than by moving bits.
double value_of_half(std::uint32_t bits) {
  const double sign = (bits & 0x8000U) != 0 ? -1.0 : 1.0;
  const int exponent = static_cast<int>((bits >> 10) & 0x1FU);
  const int mantissa = static_cast<int>(bits & 0x3FFU);
  if (exponent == 31) return mantissa == 0 ? sign * HUGE_VAL : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

/// Of two neighbouring patterns of a format the one that is nearer to `value`, the even one at a tie. Their decoded
/// values bracket it.
std::uint16_t nearest(double value, std::uint16_t low, std::uint16_t high, double (*decode)(std::uint32_t)) {
  const double below = std::abs(value - decode(low));
  const double above = std::abs(value - decode(high));
  if (below != above) return below < above ? low : high;
  return (low & 1U) == 0 ? low : high;
}

double value_of_bfloat16(std::uint32_t bits) { return std::bit_cast<float>(bits << 16); }

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(DType, HasSizesAndNames) {
  EXPECT_EQ(size_of(DType::kF32), 4U);
  EXPECT_EQ(size_of(DType::kF16), 2U);
  EXPECT_EQ(size_of(DType::kBF16), 2U);
  EXPECT_EQ(size_of(DType::kU8), 1U);
  EXPECT_EQ(size_of(DType::kI32), 4U);
  EXPECT_EQ(size_of(DType::kI64), 8U);
  EXPECT_EQ(size_of(DType::kBool), 1U);
  EXPECT_EQ(to_string(DType::kBF16), "bf16");
  EXPECT_EQ(to_string(DType::kBool), "bool");
  EXPECT_TRUE(is_floating(DType::kF16));
  EXPECT_FALSE(is_floating(DType::kI32));
}

TEST(Half, EveryPatternDecodesToItsValue) {
  for (std::uint32_t bits = 0; bits < kPatterns; ++bits) {
    const double expected = value_of_half(bits);
    const float actual = half_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(actual)) << bits;
    } else {
      ASSERT_EQ(actual, expected) << bits;
      ASSERT_EQ(std::signbit(actual), std::signbit(expected)) << bits;
    }
  }
}

TEST(Half, EveryPatternComesBack) {
  for (std::uint32_t bits = 0; bits < kPatterns; ++bits) {
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    const std::uint16_t back = float_to_half(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(half_to_float(back))) << bits;
      ASSERT_EQ(back & 0x8000U, bits & 0x8000U) << bits;
    } else {
      ASSERT_EQ(back, bits);
    }
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (std::uint16_t low = 0; low < 0x7BFFU; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const double middle = (value_of_half(low) + value_of_half(high)) / 2;
    const auto tie = static_cast<float>(middle);
    ASSERT_EQ(static_cast<double>(tie), middle);
    for (const float value : {std::nextafter(tie, 0.0F), tie, std::nextafter(tie, HUGE_VALF)}) {
      const auto expected = nearest(value, low, high, value_of_half);
      ASSERT_EQ(float_to_half(value), expected) << value;
      ASSERT_EQ(float_to_half(-value), expected | 0x8000U) << -value;
    }
  }
}

TEST(Half, WhatIsTooLargeIsInfinite) {
  EXPECT_EQ(float_to_half(65504.0F), 0x7BFF);
  EXPECT_EQ(float_to_half(65519.996F), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0F), 0x7C00);
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::max()), 0xFC00);
  EXPECT_EQ(float_to_half(HUGE_VALF), 0x7C00);
}

TEST(Half, WhatIsTooSmallIsZeroOfItsSign) {
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(float_to_half(-std::ldexp(1.0F, -25)), 0x8000);  // a tie between 0 and the least subnormal
  EXPECT_EQ(float_to_half(std::ldexp(1.0001F, -25)), 1);
}

TEST(BFloat16, EveryPatternDecodesAndComesBack) {
  for (std::uint32_t bits = 0; bits < kPatterns; ++bits) {
    const float value = bfloat16_to_float(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(bits_of(value), bits << 16);
    const std::uint16_t back = float_to_bfloat16(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(bfloat16_to_float(back))) << bits;
    } else {
      ASSERT_EQ(back, bits);
    }
  }
}

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  std::minstd_rand engine(5);
  for (int i = 0; i < 200'000; ++i) {
    const auto low = static_cast<std::uint16_t>(engine() % 0x7F7FU);
    const auto high = static_cast<std::uint16_t>(low + 1);
    for (const std::uint32_t rest : {0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
      const auto value = std::bit_cast<float>((static_cast<std::uint32_t>(low) << 16) | rest);
      ASSERT_EQ(float_to_bfloat16(value), nearest(value, low, high, value_of_bfloat16)) << value;
    }
  }
}

TEST(BFloat16, RoundsUpToInfinityAndKeepsNan) {
  EXPECT_EQ(float_to_bfloat16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(float_to_bfloat16(-HUGE_VALF), 0xFF80);
  // The payload of this one is in the bits that are cut off.
  const auto quiet = bfloat16_to_float(float_to_bfloat16(std::bit_cast<float>(0x7F800001U)));
  EXPECT_TRUE(std::isnan(quiet));
}

}  // namespace
}  // namespace comfystream
