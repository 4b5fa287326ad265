// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/merge_dims.hpp"

namespace comfystream::backend {

MergedDims merge_dims(std::span<const std::int64_t> dims, const std::vector<std::vector<std::int64_t>>& strides) {
  MergedDims merged;
  merged.strides.resize(strides.size());
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == 1) continue;
    bool joins = !merged.dims.empty();
    for (std::size_t t = 0; t < strides.size() && joins; ++t) {
      joins = merged.strides[t].back() == strides[t][axis] * dims[axis];
    }
    if (joins) {
      merged.dims.back() *= dims[axis];
    } else {
      merged.dims.push_back(dims[axis]);
    }
    for (std::size_t t = 0; t < strides.size(); ++t) {
      if (joins) merged.strides[t].pop_back();
      merged.strides[t].push_back(strides[t][axis]);
    }
  }
  if (merged.dims.empty()) {
    merged.dims.push_back(1);
    for (auto& one : merged.strides) one.push_back(0);
  }
  return merged;
}

}  // namespace comfystream::backend
