// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/noise.hpp"

#include "comfystream/diffusion/box_muller.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace comfystream::diffusion {
namespace {

constexpr std::size_t kBlock = 16;

}  // namespace

TorchGenerator::TorchGenerator(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

float TorchGenerator::uniform() { return static_cast<float>(engine_() & 0x00FFFFFFU) * 0x1p-24F; }

double TorchGenerator::uniform_double() {
  const std::uint64_t high = engine_();
  const std::uint64_t bits = (high << 32U) | engine_();
  return static_cast<double>(bits & ((std::uint64_t{1} << 53U) - 1)) * 0x1p-53;
}

double TorchGenerator::normal_double() {
  if (pending_) {
    const double value = *pending_;
    pending_.reset();
    return value;
  }
  const double u1 = uniform_double();
  const double u2 = uniform_double();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  pending_ = radius * std::sin(theta);
  return radius * std::cos(theta);
}

void TorchGenerator::fill_blocks(std::span<float> values) {
  std::ranges::generate(values, [this] { return uniform(); });
  for (std::size_t begin = 0; begin + kBlock <= values.size(); begin += kBlock) {
    box_muller_16(values.subspan(begin).first<kBlock>());
  }
  if (values.size() % kBlock != 0) {
    // PyTorch draws the last block anew, over values that were already normal.
    const auto last = values.last<kBlock>();
    std::ranges::generate(last, [this] { return uniform(); });
    box_muller_16(last);
  }
}

void TorchGenerator::fill_normal(std::span<float> values) {
  if (values.size() >= kBlock) {
    fill_blocks(values);
  } else {
    std::ranges::generate(values, [this] { return static_cast<float>(normal_double()); });
  }
}

Tensor TorchGenerator::randn(const Shape& shape) {
  Tensor tensor(DType::kF32, shape);
  fill_normal(tensor.mutable_values<float>());
  return tensor;
}

Tensor torch_randn(std::uint64_t seed, const Shape& shape) { return TorchGenerator(seed).randn(shape); }

}  // namespace comfystream::diffusion
