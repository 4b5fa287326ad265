// SPDX-License-Identifier: Apache-2.0
// PyTorch's CPU random normal numbers, so that a seed gives the picture it gives in ComfyUI.
#pragma once

#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <span>

namespace comfystream::diffusion {

/// torch.Generator("cpu"): a Mersenne Twister (mt19937) and the second half of the last scalar pair of normals.
/// Successive draws continue one sequence, as in PyTorch. Not thread-safe; copies continue independently.
class TorchGenerator {
 public:
  /// manual_seed(seed). Like PyTorch, only the low 32 bits matter.
  explicit TorchGenerator(std::uint64_t seed);

  /// torch.randn(shape, dtype=float32, generator=this). Tensors of 16 elements or more take PyTorch's block path (see
  /// box_muller.hpp), smaller ones its scalar path in double precision.
  [[nodiscard]] Tensor randn(const Shape& shape);
  /// The same into memory of the caller's.
  void fill_normal(std::span<float> values);

 private:
  float uniform();
  double uniform_double();
  double normal_double();
  void fill_blocks(std::span<float> values);

  std::mt19937 engine_;
  std::optional<double> pending_;
};

/// torch.manual_seed(seed); torch.randn(shape).
[[nodiscard]] Tensor torch_randn(std::uint64_t seed, const Shape& shape);

}  // namespace comfystream::diffusion
