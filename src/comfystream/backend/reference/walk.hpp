// SPDX-License-Identifier: Apache-2.0
// Walks several strided tensors of one index space row by row: broadcasting, slices and transpositions are strides.
#pragma once

#include "comfystream/backend/merge_dims.hpp"
#include "comfystream/tensor/shape.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace comfystream::backend::reference {

using Strides = std::vector<std::int64_t>;

/// Row-major strides, in elements.
[[nodiscard]] Strides contiguous_strides(const Shape& shape);
/// Strides that read `from` as the (broadcast) shape `to`: 0 along repeated dimensions.
[[nodiscard]] Strides broadcast_strides(const Shape& from, const Shape& to);

inline constexpr std::size_t kMaxRank = 10;

/// merge_dims(); Error(kUnsupported) when more than kMaxRank dimensions remain.
[[nodiscard]] MergedDims walk_dims(const Shape& shape, const std::vector<Strides>& strides);

template <std::size_t Tensors>
class Walk {
 public:
  Walk(const Shape& shape, std::array<Strides, Tensors> strides)
      : merged_(walk_dims(shape, {strides.begin(), strides.end()})) {}

  /// Step of tensor `index` inside a row.
  [[nodiscard]] std::int64_t step(std::size_t index) const { return merged_.strides[index].back(); }

  /// Calls row(offsets, count) for every row in row-major order; offsets are where each tensor's row starts.
  template <typename Row>
  void for_each_row(Row row) const {
    const std::int64_t count = merged_.dims.back();
    const std::size_t outer = merged_.dims.size() - 1;
    for (const auto dim : merged_.dims) {
      if (dim == 0) return;
    }
    std::array<std::int64_t, kMaxRank> position{};
    std::array<std::int64_t, Tensors> offsets{};
    while (true) {
      row(offsets, count);
      std::size_t axis = outer;
      while (axis > 0 && !advance(axis - 1, position, offsets)) --axis;
      if (axis == 0) return;
    }
  }

 private:
  // One step along `axis`; false (and back at its start) when it was the last.
  bool advance(std::size_t axis, std::array<std::int64_t, kMaxRank>& position,
               std::array<std::int64_t, Tensors>& offsets) const {
    const bool ends = ++position[axis] == merged_.dims[axis];
    const std::int64_t steps = ends ? 1 - merged_.dims[axis] : 1;
    for (std::size_t t = 0; t < Tensors; ++t) offsets[t] += steps * merged_.strides[t][axis];
    if (ends) position[axis] = 0;
    return !ends;
  }

  MergedDims merged_;
};

}  // namespace comfystream::backend::reference
