// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/pytorch/pickle_value.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace comfystream::weights {

/// A storage's bytes and what they are.
struct StorageBytes {
  std::span<const std::byte> bytes;  ///< exactly elements * element_size, checked by view_of
  std::int64_t elements = 0;
  std::size_t element_size = 1;
};

/// Where a strided tensor's values lie, checked: in its storage, no more of them than the storage has.
struct TensorView {
  Shape shape;
  std::vector<std::int64_t> strides;
  std::size_t element_size = 1;
  std::span<const std::byte> bytes;  ///< from the first element on
  bool contiguous = true;            ///< then bytes are exactly the tensor's
};

/// Error(kCorruptFile) names `name` (the tensor) and `file`. Tensors that repeat elements (expanded ones) are refused
/// with Error(kUnsupported): their size has no bound in the file's.
[[nodiscard]] TensorView view_of(const pickle::TensorRef& tensor, const StorageBytes& storage, const std::string& name,
                                 const std::string& file);

/// The view's values in row-major order, into `to` of exactly the shape's size.
void gather(const TensorView& view, std::span<std::byte> to);

}  // namespace comfystream::weights
