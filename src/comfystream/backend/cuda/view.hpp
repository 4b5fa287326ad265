// SPDX-License-Identifier: Apache-2.0
// Strided views of device buffers: what transposes, slices, repeats and most reshapes become instead of copies.
#pragma once

#include "comfystream/backend/merge_dims.hpp"
#include "comfystream/tensor/dtype.hpp"
#include "comfystream/tensor/shape.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace comfystream::backend::cuda {

/// The floating types of 16 bits. A program stores the values inside networks as one of them, its precision.
[[nodiscard]] constexpr bool is_narrow(DType dtype) noexcept { return dtype == DType::kF16 || dtype == DType::kBF16; }

using Dims = std::vector<std::int64_t>;

/// Elements of one buffer. `dtype` is how they are stored, which for a graph's f32 may be f16. Strides and the offset
/// count elements; a repeated dimension has stride 0.
struct View {
  int buffer = -1;
  DType dtype = DType::kF32;
  Dims dims;
  Dims strides;
  std::int64_t offset = 0;

  [[nodiscard]] std::int64_t elements() const noexcept;
  [[nodiscard]] std::size_t rank() const noexcept { return dims.size(); }
  bool operator==(const View&) const = default;
};

[[nodiscard]] Dims row_major(const Dims& dims);
/// Strides of a dense tensor whose axes lie in memory in `order`, outermost first.
[[nodiscard]] Dims dense_strides(const Dims& dims, const std::vector<std::size_t>& order);
/// Axes from the largest stride to the smallest; axes of one element keep their place among their neighbours.
[[nodiscard]] std::vector<std::size_t> axis_order(const View& view);
[[nodiscard]] bool is_row_major(const View& view);
/// The same elements in the same order: strides of single elements do not count.
[[nodiscard]] bool same_elements(const View& a, const View& b);

[[nodiscard]] View transposed(const View& view, const Dims& order);
[[nodiscard]] View sliced(const View& view, std::size_t axis, std::int64_t begin, std::int64_t end,
                          std::int64_t step = 1);
/// Dimensions of 1 repeated up to `dims`; leading dimensions that are missing are added.
[[nodiscard]] View broadcast(const View& view, const Dims& dims);
/// The same elements in row-major order under other dimensions; nullopt where that takes a copy.
[[nodiscard]] std::optional<View> reshaped(const View& view, const Dims& dims);

/// 0, 1, ... rank - 1: axes from the outermost inwards, as in row-major memory.
[[nodiscard]] std::vector<std::size_t> natural_order(std::size_t rank);

/// A view as rows of adjacent elements at a constant distance, for matrix products.
struct Matrix {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t row_stride = 1;
};
/// All dimensions but the last merged into rows; nullopt if they do not merge or the last is not adjacent.
[[nodiscard]] std::optional<Matrix> as_matrix(const View& view);

}  // namespace comfystream::backend::cuda
