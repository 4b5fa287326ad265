// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/tensor/dtype.hpp"
#include "comfystream/tensor/shape.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace comfystream {

/// A dense, contiguous, row-major tensor in host memory: a shape over a shared buffer. Copying a Tensor shares the
/// buffer (use clone() for new memory). The buffer is either owned (64-byte aligned) or borrowed together with an owner
/// that keeps it alive, such as a mapped file; a borrowed buffer may be unaligned and read-only, so weights are only
/// ever read through bytes() or at unaligned-safe loads.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled memory of its own.
  Tensor(DType dtype, Shape shape);

  /// Borrows `bytes` (exactly elements * size_of(dtype), or Error) for as long as the tensor lives; `owner` is held.
  static Tensor borrow(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
  /// A copy of `values`; their count must be the shape's.
  template <typename T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <typename T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    return from<T>(std::move(shape), std::span<const T>(values));
  }
  static Tensor scalar(float value);

  [[nodiscard]] bool empty() const noexcept { return data_ == nullptr; }
  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::int64_t elements() const noexcept { return shape_.elements(); }
  [[nodiscard]] std::size_t size_bytes() const noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_bytes()}; }
  /// Writable memory; Error if the tensor borrows read-only memory.
  [[nodiscard]] std::span<std::byte> mutable_bytes();
  /// Typed view; Error if T is not the dtype's type or the buffer is not aligned for it (borrowed memory: use
  /// to_f32()).
  template <typename T>
  [[nodiscard]] std::span<const T> values() const;
  template <typename T>
  [[nodiscard]] std::span<T> mutable_values();

  /// The same buffer under another shape with as many elements, or Error.
  [[nodiscard]] Tensor reshaped(Shape shape) const;
  /// New memory with the same contents.
  [[nodiscard]] Tensor clone() const;
  /// Floats of any floating or integer dtype, converted; new memory unless it is aligned f32 already.
  [[nodiscard]] Tensor to_f32() const;
  /// Converted to `dtype` by way of float (f32, f16, bf16 targets only).
  [[nodiscard]] Tensor cast(DType dtype) const;

 private:
  std::shared_ptr<std::byte> data_;
  DType dtype_ = DType::kF32;
  Shape shape_;
  bool writable_ = false;
};

}  // namespace comfystream
