// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/batch_views.hpp"

#include "comfystream/backend/openvino/types.hpp"

namespace comfystream::backend::openvino {

BatchViews::BatchViews(std::byte* data, const graph::ValueType& type, std::int64_t max_batch) {
  const std::int64_t count = type.shape.symbolic() ? max_batch : 1;
  for (std::int64_t batch = 1; batch <= count; ++batch) {
    views_.emplace_back(element_type(type.dtype), ov_shape(type.shape.at(batch)), static_cast<void*>(data));
  }
}

}  // namespace comfystream::backend::openvino
