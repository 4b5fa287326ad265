// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/walk.hpp"

#include "comfystream/error.hpp"

#include <string>
#include <utility>

namespace comfystream::backend::reference {

Strides contiguous_strides(const Shape& shape) {
  Strides strides(shape.rank());
  std::int64_t step = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

Strides broadcast_strides(const Shape& from, const Shape& to) {
  const Strides own = contiguous_strides(from);
  Strides strides(to.rank(), 0);
  const std::size_t missing = to.rank() - from.rank();
  for (std::size_t i = 0; i < from.rank(); ++i) {
    if (from[i] != 1) strides[missing + i] = own[i];
  }
  return strides;
}

WalkDims merge_dims(const Shape& shape, std::vector<Strides> strides) {
  WalkDims merged;
  merged.strides.resize(strides.size());
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    bool joins = !merged.dims.empty();
    for (std::size_t t = 0; t < strides.size() && joins; ++t) {
      joins = merged.strides[t].back() == strides[t][axis] * shape[axis];
    }
    if (joins) {
      merged.dims.back() *= shape[axis];
    } else {
      merged.dims.push_back(shape[axis]);
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
  if (merged.dims.size() > kMaxRank) {
    throw Error(ErrorCode::kUnsupported, "reference: shape " + shape.to_string() + " has too many dimensions");
  }
  return merged;
}

}  // namespace comfystream::backend::reference
