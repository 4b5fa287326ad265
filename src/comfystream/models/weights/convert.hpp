// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/tensor/tensor.hpp"

#include <cstddef>
#include <span>

namespace comfystream::weights {

/// An f32 tensor of the rounded values of `bytes`, which are little-endian doubles (exactly the shape's elements; any
/// alignment).
[[nodiscard]] Tensor f32_from_f64(Shape shape, std::span<const std::byte> bytes);

}  // namespace comfystream::weights
