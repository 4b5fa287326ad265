// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/convert.hpp"
#include "comfystream/backend/reference/kernel.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

namespace comfystream::backend::reference {
namespace {

// Storage types, distinct where C++ would take two of our types for one.
struct Half {
  std::uint16_t bits;
};
struct Brain {
  std::uint16_t bits;
};
struct Bool {
  std::uint8_t bits;
};

template <typename T>
auto load(T value) {
  if constexpr (std::is_same_v<T, Half>) {
    return half_to_float(value.bits);
  } else if constexpr (std::is_same_v<T, Brain>) {
    return bfloat16_to_float(value.bits);
  } else if constexpr (std::is_same_v<T, Bool>) {
    return static_cast<std::uint8_t>(value.bits != 0);
  } else {
    return value;
  }
}

template <typename Integer>
Integer truncate(float value) {
  // The limits are compared as floats: 2^31 and 2^63 are exact there, their predecessors are not.
  constexpr auto kHigh = static_cast<float>(std::numeric_limits<Integer>::max());
  constexpr auto kLow = static_cast<float>(std::numeric_limits<Integer>::min());
  if (std::isnan(value)) return 0;
  if (value >= kHigh) return std::numeric_limits<Integer>::max();
  if (value <= kLow) return std::numeric_limits<Integer>::min();
  return static_cast<Integer>(value);
}

template <typename To, typename Number>
To store(Number value) {
  if constexpr (std::is_same_v<To, Half>) {
    return {float_to_half(static_cast<float>(value))};
  } else if constexpr (std::is_same_v<To, Brain>) {
    return {float_to_bfloat16(static_cast<float>(value))};
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<std::uint8_t>(value != Number{0})};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<Number>) {
    return truncate<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
void convert(const std::byte* in, std::byte* out, std::int64_t count) {
  const auto* from = reinterpret_cast<const From*>(in);
  auto* to = reinterpret_cast<To*>(out);
  for (std::int64_t i = 0; i < count; ++i) to[i] = store<To>(load(from[i]));
}

using Converter = void (*)(const std::byte*, std::byte*, std::int64_t);

template <typename From>
Converter converter_from(DType to) {
  switch (to) {
    case DType::kF32:
      return convert<From, float>;
    case DType::kF16:
      return convert<From, Half>;
    case DType::kBF16:
      return convert<From, Brain>;
    case DType::kU8:
      return convert<From, std::uint8_t>;
    case DType::kI32:
      return convert<From, std::int32_t>;
    case DType::kI64:
      return convert<From, std::int64_t>;
    case DType::kBool:
      return convert<From, Bool>;
  }
  return nullptr;
}

Converter converter(DType from, DType to) {
  switch (from) {
    case DType::kF32:
      return converter_from<float>(to);
    case DType::kF16:
      return converter_from<Half>(to);
    case DType::kBF16:
      return converter_from<Brain>(to);
    case DType::kU8:
      return converter_from<std::uint8_t>(to);
    case DType::kI32:
      return converter_from<std::int32_t>(to);
    case DType::kI64:
      return converter_from<std::int64_t>(to);
    case DType::kBool:
      return converter_from<Bool>(to);
  }
  return nullptr;
}

}  // namespace

void convert_elements(DType from, const std::byte* in, DType to, std::byte* out, std::int64_t count) {
  converter(from, to)(in, out, count);
}

Kernel cast_kernel(const Site& site) {
  const Converter run = converter(site.operands[0].dtype, site.result.dtype);
  const std::int64_t count = site.result.shape.elements();
  return {[=](const Arguments& arguments) { run(arguments.in[0], arguments.out, count); }};
}

}  // namespace comfystream::backend::reference
