// SPDX-License-Identifier: Apache-2.0
// Elementwise operations on two or three operands, with NumPy's broadcasting.
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <cmath>
#include <functional>
#include <type_traits>

namespace comfystream::backend::reference {
namespace {

// Out is a contiguous result of `function` over two broadcast operands.
template <typename In, typename Out, typename Function>
Kernel combine(const Site& site, Function function) {
  const Shape& shape = site.result.shape;
  const Walk<3> walk(shape, {contiguous_strides(shape), broadcast_strides(site.operands[0].shape, shape),
                             broadcast_strides(site.operands[1].shape, shape)});
  return {[=](const Arguments& arguments) {
    const std::int64_t step_a = walk.step(1);
    const std::int64_t step_b = walk.step(2);
    walk.for_each_row([&](const auto& offsets, std::int64_t count) {
      Out* __restrict out = arguments.output<Out>() + offsets[0];
      const In* __restrict a = arguments.input<In>(0) + offsets[1];
      const In* __restrict b = arguments.input<In>(1) + offsets[2];
      if (step_a == 1 && step_b == 1) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = function(a[i], b[i]);
      } else {
        for (std::int64_t i = 0; i < count; ++i) out[i] = function(a[i * step_a], b[i * step_b]);
      }
    });
  }};
}

// Whole numbers wrap, as PyTorch's do; in C++ only unsigned ones may.
template <typename T>
struct Wrapping {
  using Type = T;
};
template <typename T>
requires std::is_integral_v<T>
struct Wrapping<T> {
  using Type = std::make_unsigned_t<T>;
};

template <typename T, typename Operation>
auto wrapping(Operation operation) {
  using Number = typename Wrapping<T>::Type;
  return [=](T a, T b) { return static_cast<T>(operation(static_cast<Number>(a), static_cast<Number>(b))); };
}

// PyTorch's minimum and maximum: NaN wins.
template <typename T>
T smaller(T a, T b) {
  return a != a || a < b ? a : b;
}
template <typename T>
T larger(T a, T b) {
  return a != a || a > b ? a : b;
}

Kernel quotient_or_power(const Site& site) {
  if (site.attributes<graph::BinaryAttrs>().kind == graph::BinaryKind::kDiv) {
    return combine<float, float>(site, [](float a, float b) { return a / b; });
  }
  return combine<float, float>(site, [](float a, float b) { return std::pow(a, b); });
}

template <typename T>
Kernel arithmetic(const Site& site) {
  using graph::BinaryKind;
  switch (site.attributes<graph::BinaryAttrs>().kind) {
    case BinaryKind::kAdd:
      return combine<T, T>(site, wrapping<T>(std::plus<>()));
    case BinaryKind::kSub:
      return combine<T, T>(site, wrapping<T>(std::minus<>()));
    case BinaryKind::kMul:
      return combine<T, T>(site, wrapping<T>(std::multiplies<>()));
    case BinaryKind::kMin:
      return combine<T, T>(site, smaller<T>);
    case BinaryKind::kMax:
      return combine<T, T>(site, larger<T>);
    case BinaryKind::kDiv:
    case BinaryKind::kPow:
      if constexpr (std::is_same_v<T, float>) return quotient_or_power(site);
  }
  refuse_type(site);
}

template <typename T>
Kernel comparison(const Site& site) {
  using graph::CompareKind;
  switch (site.attributes<graph::CompareAttrs>().kind) {
    case CompareKind::kLess:
      return combine<T, std::uint8_t>(site, [](T a, T b) { return a < b; });
    case CompareKind::kLessEqual:
      return combine<T, std::uint8_t>(site, [](T a, T b) { return a <= b; });
    case CompareKind::kGreater:
      return combine<T, std::uint8_t>(site, [](T a, T b) { return a > b; });
    case CompareKind::kGreaterEqual:
      return combine<T, std::uint8_t>(site, [](T a, T b) { return a >= b; });
    case CompareKind::kEqual:
      return combine<T, std::uint8_t>(site, [](T a, T b) { return a == b; });
  }
  refuse_type(site);
}

template <typename T>
Kernel choose(const Site& site) {
  const Shape& shape = site.result.shape;
  const Walk<4> walk(
      shape, {contiguous_strides(shape), broadcast_strides(site.operands[0].shape, shape),
              broadcast_strides(site.operands[1].shape, shape), broadcast_strides(site.operands[2].shape, shape)});
  return {[=](const Arguments& arguments) {
    walk.for_each_row([&](const auto& offsets, std::int64_t count) {
      T* out = arguments.output<T>() + offsets[0];
      const auto* condition = arguments.input<std::uint8_t>(0) + offsets[1];
      const T* if_true = arguments.input<T>(1) + offsets[2];
      const T* if_false = arguments.input<T>(2) + offsets[3];
      for (std::int64_t i = 0; i < count; ++i) {
        out[i] = condition[i * walk.step(1)] != 0 ? if_true[i * walk.step(2)] : if_false[i * walk.step(3)];
      }
    });
  }};
}

}  // namespace

Kernel binary_kernel(const Site& site) {
  switch (site.result.dtype) {
    case DType::kF32:
      return arithmetic<float>(site);
    case DType::kI32:
      return arithmetic<std::int32_t>(site);
    case DType::kI64:
      return arithmetic<std::int64_t>(site);
    default:
      refuse_type(site);
  }
}

Kernel compare_kernel(const Site& site) {
  switch (site.operands[0].dtype) {
    case DType::kF32:
      return comparison<float>(site);
    case DType::kI32:
      return comparison<std::int32_t>(site);
    case DType::kI64:
      return comparison<std::int64_t>(site);
    case DType::kU8:
      return comparison<std::uint8_t>(site);
    default:
      refuse_type(site);
  }
}

Kernel select_kernel(const Site& site) {
  switch (size_of(site.result.dtype)) {
    case 1:
      return choose<std::uint8_t>(site);
    case 2:
      return choose<std::uint16_t>(site);
    case 4:
      return choose<std::uint32_t>(site);
    default:
      return choose<std::uint64_t>(site);
  }
}

}  // namespace comfystream::backend::reference
