// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/view.hpp"

#include <algorithm>
#include <numeric>

namespace comfystream::backend::cuda {

std::int64_t View::elements() const noexcept {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

Dims dense_strides(const Dims& dims, const std::vector<std::size_t>& order) {
  Dims strides(dims.size());
  std::int64_t step = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = step;
    step *= dims[order[i]];
  }
  return strides;
}

Dims row_major(const Dims& dims) {
  std::vector<std::size_t> order(dims.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return dense_strides(dims, order);
}

std::vector<std::size_t> axis_order(const View& view) {
  std::vector<std::size_t> order(view.rank());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // An axis of one element may have any stride: it must not move the others.
  std::vector<std::int64_t> weight(view.rank());
  std::int64_t outer = INT64_MAX;
  for (std::size_t i = 0; i < view.rank(); ++i) {
    weight[i] = view.dims[i] == 1 ? outer : view.strides[i];
    outer = weight[i];
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return weight[a] > weight[b]; });
  return order;
}

bool is_row_major(const View& view) {
  std::int64_t step = 1;
  for (std::size_t i = view.rank(); i-- > 0;) {
    if (view.dims[i] != 1 && view.strides[i] != step) return false;
    step *= view.dims[i];
  }
  return true;
}

bool same_elements(const View& a, const View& b) {
  if (a.buffer != b.buffer || a.dtype != b.dtype || a.dims != b.dims || a.offset != b.offset) return false;
  for (std::size_t i = 0; i < a.rank(); ++i) {
    if (a.dims[i] != 1 && a.strides[i] != b.strides[i]) return false;
  }
  return true;
}

View transposed(const View& view, const Dims& order) {
  View result = view;
  for (std::size_t i = 0; i < order.size(); ++i) {
    result.dims[i] = view.dims[static_cast<std::size_t>(order[i])];
    result.strides[i] = view.strides[static_cast<std::size_t>(order[i])];
  }
  return result;
}

View sliced(const View& view, std::size_t axis, std::int64_t begin, std::int64_t end, std::int64_t step) {
  View result = view;
  result.offset += begin * view.strides[axis];
  result.dims[axis] = (end - begin + step - 1) / step;
  result.strides[axis] *= step;
  return result;
}

View broadcast(const View& view, const Dims& dims) {
  View result = view;
  const std::size_t missing = dims.size() - view.rank();
  result.dims = dims;
  result.strides.assign(dims.size(), 0);
  for (std::size_t i = 0; i < view.rank(); ++i) {
    if (view.dims[i] == dims[missing + i]) result.strides[missing + i] = view.strides[i];
  }
  return result;
}

std::optional<View> reshaped(const View& view, const Dims& dims) {
  View result = view;
  result.dims = dims;
  if (view.elements() == 0) {
    result.strides = row_major(dims);
    return result;
  }
  const MergedDims merged = merge_dims(view.dims, {view.strides});
  result.strides.assign(dims.size(), 0);
  std::size_t at = merged.dims.size();
  std::int64_t left = 1;    // elements of the current merged dimension not yet given away
  std::int64_t stride = 0;  // of the next new dimension inside it
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (dims[i] == 1) continue;
    if (left == 1) {
      if (at == 0) return std::nullopt;
      left = merged.dims[--at];
      stride = merged.strides[0][at];
    }
    if (left % dims[i] != 0) return std::nullopt;
    result.strides[i] = stride;
    stride *= dims[i];
    left /= dims[i];
  }
  return result;
}

std::optional<Matrix> as_matrix(const View& view) {
  if (view.rank() == 0) return std::nullopt;
  Matrix matrix;
  matrix.columns = view.dims.back();
  if (matrix.columns != 1 && view.strides.back() != 1) return std::nullopt;
  const Dims outer(view.dims.begin(), view.dims.end() - 1);
  const MergedDims rows = merge_dims(outer, {Dims(view.strides.begin(), view.strides.end() - 1)});
  if (rows.dims.size() > 1) return std::nullopt;
  matrix.rows = rows.dims[0];
  matrix.row_stride = matrix.rows == 1 ? matrix.columns : rows.strides[0][0];
  return matrix;
}

std::vector<std::size_t> natural_order(std::size_t rank) {
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

}  // namespace comfystream::backend::cuda
