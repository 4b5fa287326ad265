// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/synth_values.hpp"

#include <cmath>

namespace comfystream::weights {
namespace {

// Standard deviation of the sum of four independent uniforms on 0..65535 is 37837.2; this is its inverse in float.
constexpr float kUnit = 2.642805e-05F;

std::uint64_t fnv1a64(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

float spread_of(SynthKind kind, const Shape& shape, float gain) {
  switch (kind) {
    case SynthKind::kMatrix: {
      const std::int64_t row = shape.rank() == 0 || shape[0] == 0 ? 1 : shape.elements() / shape[0];
      return gain / std::sqrt(static_cast<float>(row < 1 ? 1 : row));
    }
    case SynthKind::kBias:
      return 0.05F * gain;
    case SynthKind::kNormScale:
      return 0.1F * gain;
    case SynthKind::kEmbedding:
      return 0.5F * gain;
  }
  return gain;
}

}  // namespace

void fill_synth_values(std::string_view name, const Shape& shape, SynthKind kind, std::uint64_t seed, float gain,
                       std::uint64_t first, std::span<float> values) {
  const std::uint64_t key = (fnv1a64(name) ^ (seed * 0x9E3779B97F4A7C15ULL)) + first;
  const float factor = spread_of(kind, shape, gain) * kUnit;
  const float offset = kind == SynthKind::kNormScale ? 1.0F : 0.0F;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bits = splitmix64(key + i);
    const auto sum =
        static_cast<std::int32_t>((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48)) -
        131070;
    values[i] = static_cast<float>(sum) * factor + offset;
  }
}

Tensor synth_tensor(std::string_view name, const Shape& shape, SynthKind kind, std::uint64_t seed, float gain) {
  Tensor tensor(DType::kF32, shape);
  fill_synth_values(name, shape, kind, seed, gain, 0, tensor.mutable_values<float>());
  return tensor;
}

SynthKind guess_synth_kind(std::string_view name, const Shape& shape) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (has("embedding") || has("pos_embed") || has("cls_token") || has("mask_token")) return SynthKind::kEmbedding;
  if (shape.rank() == 1) return name.ends_with("weight") || has(".gamma") ? SynthKind::kNormScale : SynthKind::kBias;
  return SynthKind::kMatrix;
}

}  // namespace comfystream::weights
