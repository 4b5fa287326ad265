// SPDX-License-Identifier: Apache-2.0
#include "comfystream/tensor/tensor.hpp"

#include "comfystream/error.hpp"

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace comfystream {
namespace {

constexpr std::size_t kAlignment = 64;

std::shared_ptr<std::byte> allocate(std::size_t bytes) {
  auto* memory = static_cast<std::byte*>(::operator new (bytes == 0 ? 1 : bytes, std::align_val_t{kAlignment}));
  std::memset(memory, 0, bytes);
  return {memory, [](std::byte* p) { ::operator delete (p, std::align_val_t{kAlignment}); }};
}

template <typename T>
constexpr bool matches(DType dtype) {
  if constexpr (std::is_same_v<T, float>) return dtype == DType::kF32;
  if constexpr (std::is_same_v<T, std::uint16_t>) return dtype == DType::kF16 || dtype == DType::kBF16;
  if constexpr (std::is_same_v<T, std::uint8_t>) return dtype == DType::kU8 || dtype == DType::kBool;
  if constexpr (std::is_same_v<T, std::int32_t>) return dtype == DType::kI32;
  if constexpr (std::is_same_v<T, std::int64_t>) return dtype == DType::kI64;
  return false;
}

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, std::uint16_t>) return DType::kF16;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::kU8;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::kI32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::kI64;
}

template <typename T, typename Convert>
void convert_to_float(std::span<const std::byte> from, float* to, Convert convert) {
  for (std::size_t i = 0; i < from.size() / sizeof(T); ++i) {
    T value;
    std::memcpy(&value, from.data() + i * sizeof(T), sizeof(T));
    to[i] = convert(value);
  }
}

}  // namespace

Tensor::Tensor(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)), writable_(true) {
  data_ = allocate(size_bytes());
}

Tensor Tensor::borrow(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  if (bytes.size() != tensor.size_bytes()) {
    throw Error(ErrorCode::kInvalidArgument,
                "a tensor " + tensor.shape_.to_string() + " of " + std::string(to_string(dtype)) + " needs " +
                    std::to_string(tensor.size_bytes()) + " bytes, " + std::to_string(bytes.size()) + " were given");
  }
  // The buffer is never written through: writable_ stays false, so the cast only unifies the member's type.
  tensor.data_ = std::shared_ptr<std::byte>(std::move(owner), const_cast<std::byte*>(bytes.data()));
  return tensor;
}

template <typename T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor(dtype_of<T>(), std::move(shape));
  if (values.size_bytes() != tensor.size_bytes()) {
    throw Error(ErrorCode::kInvalidArgument,
                std::to_string(values.size()) + " values do not fill a tensor of shape " + tensor.shape_.to_string());
  }
  if (!values.empty()) std::memcpy(tensor.data_.get(), values.data(), values.size_bytes());
  return tensor;
}
template Tensor Tensor::from<float>(Shape, std::span<const float>);
template Tensor Tensor::from<std::uint16_t>(Shape, std::span<const std::uint16_t>);
template Tensor Tensor::from<std::uint8_t>(Shape, std::span<const std::uint8_t>);
template Tensor Tensor::from<std::int32_t>(Shape, std::span<const std::int32_t>);
template Tensor Tensor::from<std::int64_t>(Shape, std::span<const std::int64_t>);

Tensor Tensor::scalar(float value) { return from<float>(Shape{}, std::span<const float>(&value, 1)); }

std::size_t Tensor::size_bytes() const noexcept { return static_cast<std::size_t>(elements()) * size_of(dtype_); }

std::span<std::byte> Tensor::mutable_bytes() {
  if (!writable_) throw Error(ErrorCode::kInternal, "write to a tensor that borrows read-only memory");
  return {data_.get(), size_bytes()};
}

template <typename T>
std::span<const T> Tensor::values() const {
  if (!matches<T>(dtype_)) {
    throw Error(ErrorCode::kInternal, "a tensor of " + std::string(to_string(dtype_)) + " read as another type");
  }
  if (reinterpret_cast<std::uintptr_t>(data_.get()) % alignof(T) != 0) {
    throw Error(ErrorCode::kInternal, "an unaligned tensor read in place; use to_f32()");
  }
  return {reinterpret_cast<const T*>(data_.get()), static_cast<std::size_t>(elements())};
}

template <typename T>
std::span<T> Tensor::mutable_values() {
  const auto constant = values<T>();
  return {reinterpret_cast<T*>(mutable_bytes().data()), constant.size()};
}

template std::span<const float> Tensor::values<float>() const;
template std::span<const std::uint16_t> Tensor::values<std::uint16_t>() const;
template std::span<const std::uint8_t> Tensor::values<std::uint8_t>() const;
template std::span<const std::int32_t> Tensor::values<std::int32_t>() const;
template std::span<const std::int64_t> Tensor::values<std::int64_t>() const;
template std::span<float> Tensor::mutable_values<float>();
template std::span<std::uint16_t> Tensor::mutable_values<std::uint16_t>();
template std::span<std::uint8_t> Tensor::mutable_values<std::uint8_t>();
template std::span<std::int32_t> Tensor::mutable_values<std::int32_t>();
template std::span<std::int64_t> Tensor::mutable_values<std::int64_t>();

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.elements() != elements()) {
    throw Error(ErrorCode::kInvalidArgument, "cannot reshape " + shape_.to_string() + " to " + shape.to_string());
  }
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

Tensor Tensor::clone() const {
  Tensor copy(dtype_, shape_);
  if (size_bytes() != 0) std::memcpy(copy.data_.get(), data_.get(), size_bytes());
  return copy;
}

Tensor Tensor::to_f32() const {
  const bool aligned = reinterpret_cast<std::uintptr_t>(data_.get()) % alignof(float) == 0;
  if (dtype_ == DType::kF32) return aligned ? *this : clone();
  Tensor result(DType::kF32, shape_);
  auto* out = reinterpret_cast<float*>(result.data_.get());
  switch (dtype_) {
    case DType::kF16:
      convert_to_float<std::uint16_t>(bytes(), out, half_to_float);
      break;
    case DType::kBF16:
      convert_to_float<std::uint16_t>(bytes(), out, bfloat16_to_float);
      break;
    case DType::kU8:
    case DType::kBool:
      convert_to_float<std::uint8_t>(bytes(), out, [](auto v) { return static_cast<float>(v); });
      break;
    case DType::kI32:
      convert_to_float<std::int32_t>(bytes(), out, [](auto v) { return static_cast<float>(v); });
      break;
    case DType::kI64:
      convert_to_float<std::int64_t>(bytes(), out, [](auto v) { return static_cast<float>(v); });
      break;
    case DType::kF32:
      break;
  }
  return result;
}

Tensor Tensor::cast(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor floats = to_f32();
  if (dtype == DType::kF32) return floats;
  if (dtype != DType::kF16 && dtype != DType::kBF16) {
    throw Error(ErrorCode::kInvalidArgument, "Tensor::cast converts to floating types only");
  }
  Tensor result(dtype, shape_);
  auto out = result.mutable_values<std::uint16_t>();
  const auto in = floats.values<float>();
  for (std::size_t i = 0; i < in.size(); ++i) {
    out[i] = dtype == DType::kF16 ? float_to_half(in[i]) : float_to_bfloat16(in[i]);
  }
  return result;
}

}  // namespace comfystream
