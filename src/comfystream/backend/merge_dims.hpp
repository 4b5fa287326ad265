// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace comfystream::backend {

/// Dimensions and strides (one list for each tensor) of several tensors in one index space, without dimensions of 1,
/// neighbours merged where every tensor allows it. At least one dimension.
struct MergedDims {
  std::vector<std::int64_t> dims;
  std::vector<std::vector<std::int64_t>> strides;
};
[[nodiscard]] MergedDims merge_dims(std::span<const std::int64_t> dims,
                                    const std::vector<std::vector<std::int64_t>>& strides);

}  // namespace comfystream::backend
