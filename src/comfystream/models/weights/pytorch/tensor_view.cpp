// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/pytorch/tensor_view.hpp"

#include "comfystream/error.hpp"

#include <cstring>

namespace comfystream::weights {
namespace {

[[noreturn]] void corrupt(const std::string& file, const std::string& name, const std::string& problem) {
  throw Error(ErrorCode::kCorruptFile, "tensor '" + name + "' of '" + file + "' " + problem,
              "download or convert it again");
}

/// Elements of the shape and the largest offset an element has from the first, both within the storage's elements.
struct Extent {
  std::int64_t elements = 1;
  std::int64_t last = 0;
};

Extent extent_of(const pickle::TensorRef& tensor, std::int64_t available, const std::string& name,
                 const std::string& file) {
  Extent extent;
  bool empty = false;
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    const std::int64_t size = tensor.sizes[i];
    const std::int64_t stride = tensor.strides[i];
    if (size < 0 || stride < 0) corrupt(file, name, "has a negative size or stride");
    if (size == 0) {
      empty = true;
      continue;
    }
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(extent.elements, size, &extent.elements) ||
        __builtin_mul_overflow(size - 1, stride, &reach) || __builtin_add_overflow(extent.last, reach, &extent.last)) {
      corrupt(file, name, "has an impossible size");
    }
  }
  if (empty) return {0, -1};
  if (extent.last >= available) corrupt(file, name, "reaches beyond its storage");
  if (extent.elements > available) {
    throw Error(ErrorCode::kUnsupported,
                "tensor '" + name + "' of '" + file + "' repeats the same values (an expanded tensor)",
                "save it again after .contiguous()");
  }
  return extent;
}

bool is_contiguous(const pickle::TensorRef& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.sizes.size(); i-- > 0;) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.sizes[i];
  }
  return true;
}

}  // namespace

TensorView view_of(const pickle::TensorRef& tensor, const StorageBytes& storage, const std::string& name,
                   const std::string& file) {
  const auto available_bytes = static_cast<std::uint64_t>(storage.bytes.size());
  if (storage.elements < 0 || static_cast<std::uint64_t>(storage.elements) > available_bytes / storage.element_size) {
    corrupt(file, name, "claims more values than its storage has");
  }
  if (tensor.offset > storage.elements) corrupt(file, name, "begins beyond its storage");
  const Extent extent = extent_of(tensor, storage.elements - tensor.offset, name, file);
  TensorView view;
  view.shape = Shape(tensor.sizes);
  view.strides = tensor.strides;
  view.element_size = storage.element_size;
  view.contiguous = extent.elements == 0 || is_contiguous(tensor);
  const auto first = static_cast<std::size_t>(tensor.offset) * storage.element_size;
  view.bytes = storage.bytes.subspan(first, static_cast<std::size_t>(extent.last + 1) * storage.element_size);
  return view;
}

void gather(const TensorView& view, std::span<std::byte> to) {
  const std::size_t rank = view.shape.rank();
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t from = 0;
  for (std::size_t at = 0; at < to.size(); at += view.element_size) {
    std::memcpy(to.data() + at, view.bytes.data() + static_cast<std::size_t>(from) * view.element_size,
                view.element_size);
    for (std::size_t axis = rank; axis-- > 0;) {
      from += view.strides[axis];
      if (++index[axis] < view.shape[axis]) break;
      from -= view.strides[axis] * view.shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace comfystream::weights
