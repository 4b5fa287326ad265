// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/box_muller.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace comfystream::diffusion {
namespace {

struct SinCos {
  float sine;
  float cosine;
};

template <std::size_t Count>
float polynomial(float x, const std::array<float, Count>& coefficients) {
  float sum = coefficients[0];
  for (std::size_t i = 1; i < Count; ++i) sum = std::fma(sum, x, coefficients[i]);
  return sum;
}

/// Natural logarithm of a normal x > 0. The order of operations decides the last bit: it is part of the contract.
float cephes_log(float x) {
  constexpr std::array<float, 9> kSeries{7.0376836292E-2F,  -1.1514610310E-1F, 1.1676998740E-1F,
                                         -1.2420140846E-1F, 1.4249322787E-1F,  -1.6668057665E-1F,
                                         2.0000714765E-1F,  -2.4999993993E-1F, 3.3333331174E-1F};
  // ln 2 in two parts, the larger exact in a product with a small integer.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kSqrtHalf = 0.707106781186547524F;

  const auto bits = std::bit_cast<std::uint32_t>(x);
  auto exponent = static_cast<float>(static_cast<std::int32_t>(bits >> 23U) - 126);
  float mantissa = std::bit_cast<float>((bits & 0x007FFFFFU) | 0x3F000000U);  // in [0.5, 1)
  if (mantissa < kSqrtHalf) {
    exponent -= 1.0F;
    mantissa += mantissa - 1.0F;
  } else {
    mantissa -= 1.0F;
  }
  const float square = mantissa * mantissa;
  float sum = polynomial(mantissa, kSeries) * mantissa;
  sum = std::fma(sum, square, exponent * kLn2Low);
  sum = std::fma(square, -0.5F, sum);
  return std::fma(exponent, kLn2High, mantissa + sum);
}

/// Sine and cosine of an x >= 0 of a few turns.
SinCos cephes_sincos(float x) {
  constexpr std::array<float, 3> kSine{-1.9515295891E-4F, 8.3321608736E-3F, -1.6666654611E-1F};
  constexpr std::array<float, 3> kCosine{2.443315711809948E-005F, -1.388731625493765E-003F, 4.166664568298827E-002F};
  constexpr std::array<float, 3> kMinusQuarterPi{-0.78515625F, -2.4187564849853515625e-4F, -3.77489497744594108e-8F};
  constexpr float kFourOverPi = 1.27323954473516F;

  const std::int32_t octant = (static_cast<std::int32_t>(x * kFourOverPi) + 1) & ~1;
  for (const float part : kMinusQuarterPi) x = std::fma(static_cast<float>(octant), part, x);
  const float square = x * x;
  const float near_zero = std::fma(polynomial(square, kSine) * square, x, x);
  const float near_one = std::fma(polynomial(square, kCosine) * square, square, -(square * 0.5F)) + 1.0F;
  const bool swapped = (octant & 2) != 0;
  SinCos result{swapped ? near_one : near_zero, swapped ? near_zero : near_one};
  if ((octant & 4) != 0) result.sine = -result.sine;
  if (((octant - 2) & 4) == 0) result.cosine = -result.cosine;
  return result;
}

}  // namespace

void box_muller_16(std::span<float, 16> values) noexcept {
  constexpr float kTwoPi = 6.283185307179586F;
  for (std::size_t i = 0; i < 8; ++i) {
    const float radius = std::sqrt(-2.0F * cephes_log(1.0F - values[i]));
    const auto [sine, cosine] = cephes_sincos(kTwoPi * values[i + 8]);
    // PyTorch adds the mean, 0, which also turns -0 into 0.
    values[i] = radius * cosine + 0.0F;
    values[i + 8] = radius * sine + 0.0F;
  }
}

}  // namespace comfystream::diffusion
