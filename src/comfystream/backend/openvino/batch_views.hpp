// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <openvino/runtime/tensor.hpp>

namespace comfystream::backend::openvino {

/// One memory, large enough for the largest batch, as OpenVINO tensors of every batch size. They are made once, so that
/// handing one to a request allocates nothing. Does not own the memory.
class BatchViews {
 public:
  BatchViews(std::byte* data, const graph::ValueType& type, std::int64_t max_batch);
  /// `batch` is 1..max_batch.
  [[nodiscard]] const ov::Tensor& at(std::int64_t batch) const {
    return views_[views_.size() == 1 ? 0 : static_cast<std::size_t>(batch - 1)];
  }

 private:
  std::vector<ov::Tensor> views_;  ///< one if the shape has no N, else one per batch size
};

}  // namespace comfystream::backend::openvino
