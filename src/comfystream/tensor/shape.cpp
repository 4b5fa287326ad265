// SPDX-License-Identifier: Apache-2.0
#include "comfystream/tensor/shape.hpp"

namespace comfystream {

std::int64_t Shape::elements() const noexcept {
  std::int64_t count = 1;
  for (const auto dim : dims_) count *= dim;
  return count;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < dims_.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(dims_[i]);
  return text + "]";
}

}  // namespace comfystream
