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

MergedDims walk_dims(const Shape& shape, const std::vector<Strides>& strides) {
  MergedDims merged = merge_dims(shape.dims(), strides);
  if (merged.dims.size() > kMaxRank) {
    throw Error(ErrorCode::kUnsupported, "reference: shape " + shape.to_string() + " has too many dimensions");
  }
  return merged;
}

}  // namespace comfystream::backend::reference
