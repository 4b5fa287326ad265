// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace comfystream::backend {

struct CudaOptions {
  int device = 0;
  /// What values inside networks are stored as: f16 or bf16 (the range of f32, an eighth of f16's precision).
  DType precision = DType::kF16;
  /// Measure the libraries' algorithms when compiling (seconds to a minute the first time, cached afterwards); without
  /// it the libraries' first choice runs.
  bool tune = true;
  /// Where choices are kept; empty: the user's cache folder (XDG_CACHE_HOME, ~/.cache) under comfystream.
  std::filesystem::path cache_folder{};
  /// Chains of steps that may run side by side inside a batch.
  std::size_t lanes = 3;
  /// Compute what parameters and constants alone influence once for each value of theirs, not in each batch.
  bool split_static = true;
  /// For tests: every byte of a slot's memory before its first batch. Without it, whatever the memory holds.
  std::optional<std::uint8_t> fill{};
};

/// NVIDIA GPUs: values of 16 bits inside networks with sums in f32, one captured graph for each slot and batch size.
/// Building one costs nothing; devices() says why a card cannot be used.
[[nodiscard]] std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options = {});

}  // namespace comfystream::backend
