// SPDX-License-Identifier: Apache-2.0
// Descriptions of tensors for Hopper's bulk loads (hopper.cuh).
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <array>
#include <cstdint>

#include <cuda.h>

namespace comfystream::backend::cuda {

/// A tensor of 16-bit elements, dimensions and boxes from the innermost (adjacent elements) outwards; strides, of the
/// other three, in elements and multiples of 8; data aligned to 16 bytes. A load brings one box: at most 64 elements
/// wide, 256 in each direction. What is outside the tensor reads as zeros.
struct TensorMapCall {
  const void* data;
  DType dtype;
  std::array<std::int64_t, 4> dims;
  std::array<std::int64_t, 3> strides;
  std::array<std::uint32_t, 4> box;
};
/// Needs no device memory. Error where the driver refuses.
[[nodiscard]] CUtensorMap make_tensor_map(const TensorMapCall& call);

}  // namespace comfystream::backend::cuda
