// SPDX-License-Identifier: Apache-2.0
// Deterministic random weights: the same bits on every machine and in Python (tools/goldens/synth.py), so that tests
// and benchmarks need no weight files.
#pragma once

#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace comfystream::weights {

/// How a tensor is used, which decides its spread.
enum class SynthKind : std::uint8_t {
  kMatrix,     ///< conv or linear weight: gain / sqrt(elements of one output row)
  kBias,       ///< 0.05 * gain
  kNormScale,  ///< 1 + 0.1 * gain * n
  kEmbedding,  ///< 0.5 * gain
};

/// f32 tensor of approximately normal values (the sum of four 16-bit uniforms, exact in integers, one rounding):
/// element i of tensor `name` under `seed` is spread * (a + b + c + d - 131070) * 2.642805e-05f, where a..d are the
/// 16-bit fields of splitmix64(fnv1a64(name) ^ (seed * 0x9E3779B97F4A7C15) + i).
[[nodiscard]] Tensor synth_tensor(std::string_view name, const Shape& shape, SynthKind kind, std::uint64_t seed,
                                  float gain = 1.0F);

/// Elements `first`, `first` + 1, ... of that tensor into `values`, for tensors that are made in pieces.
void fill_synth_values(std::string_view name, const Shape& shape, SynthKind kind, std::uint64_t seed, float gain,
                       std::uint64_t first, std::span<float> values);

/// What `name` is by its ending and rank: rank 1 "*.weight" of norms -> kNormScale, other rank 1 -> kBias, embeddings
/// ("*embedding*", "pos_embed", "cls_token") -> kEmbedding, else kMatrix.
[[nodiscard]] SynthKind guess_synth_kind(std::string_view name, const Shape& shape);

}  // namespace comfystream::weights
