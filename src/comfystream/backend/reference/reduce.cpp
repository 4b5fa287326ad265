// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace comfystream::backend::reference {
namespace {

// Sums of floats are gathered in double, so that the definition has no rounding of its own to speak of; those of whole
// numbers wrap, which in C++ only unsigned ones may.
template <typename T>
using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

template <typename T>
struct Add {
  using State = Sum<T>;
  static State start(T) { return 0; }
  static State next(State state, T value) { return state + static_cast<State>(value); }
};
template <typename T>
struct Least {
  using State = T;
  static State start(T first) { return first; }
  static State next(State state, T value) { return value < state || value != value ? value : state; }
};
template <typename T>
struct Most {
  using State = T;
  static State start(T first) { return first; }
  static State next(State state, T value) { return value > state || value != value ? value : state; }
};

template <typename T, template <typename> typename Fold>
Kernel fold(const Site& site, double divisor) {
  const Shape& in = site.operands[0].shape;
  std::vector<std::int64_t> kept = in.dims();
  std::vector<std::int64_t> folded(in.rank(), 1);
  for (const auto axis : site.attributes<graph::ReduceAttrs>().axes) {
    const auto i = static_cast<std::size_t>(axis);
    std::swap(kept[i], folded[i]);
  }
  const Strides strides = contiguous_strides(in);
  const Walk<1> outer(Shape(kept), {strides});
  const Walk<1> inner(Shape(folded), {strides});
  const auto reduce_one = [=](const T* from) {
    auto state = Fold<T>::start(*from);
    inner.for_each_row([&](const auto& offsets, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) state = Fold<T>::next(state, from[offsets[0] + i * inner.step(0)]);
    });
    if constexpr (std::is_floating_point_v<T>) return static_cast<T>(state / divisor);
    return static_cast<T>(state);
  };
  return {[=](const Arguments& arguments) {
    T* out = arguments.output<T>();
    outer.for_each_row([&](const auto& offsets, std::int64_t count) {
      const T* from = arguments.input<T>(0) + offsets[0];
      for (std::int64_t i = 0; i < count; ++i) *out++ = reduce_one(from + i * outer.step(0));
    });
  }};
}

template <typename T>
Kernel reduce_as(const Site& site) {
  using graph::ReduceKind;
  switch (site.attributes<graph::ReduceAttrs>().kind) {
    case ReduceKind::kMin:
      return fold<T, Least>(site, 1.0);
    case ReduceKind::kMax:
      return fold<T, Most>(site, 1.0);
    case ReduceKind::kSum:
      return fold<T, Add>(site, 1.0);
    case ReduceKind::kMean: {
      const auto results = static_cast<double>(std::max<std::int64_t>(site.result.shape.elements(), 1));
      return fold<T, Add>(site, static_cast<double>(site.operands[0].shape.elements()) / results);
    }
  }
  refuse_type(site);
}

// One softmax over `size` elements that stand `step` apart.
void softmax(const float* in, float* out, std::int64_t size, std::int64_t step) {
  float largest = in[0];
  for (std::int64_t i = 1; i < size; ++i) largest = std::max(largest, in[i * step]);
  double sum = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    out[i * step] = std::exp(in[i * step] - largest);
    sum += out[i * step];
  }
  const auto inverse = static_cast<float>(1.0 / sum);
  for (std::int64_t i = 0; i < size; ++i) out[i * step] *= inverse;
}

}  // namespace

Kernel reduce_kernel(const Site& site) {
  switch (site.result.dtype) {
    case DType::kF32:
      return reduce_as<float>(site);
    case DType::kI32:
      return reduce_as<std::int32_t>(site);
    case DType::kI64:
      return reduce_as<std::int64_t>(site);
    default:
      refuse_type(site);
  }
}

Kernel softmax_kernel(const Site& site) {
  const auto& dims = site.result.shape.dims();
  const auto axis = static_cast<std::size_t>(site.attributes<graph::SoftmaxAttrs>().axis);
  const std::int64_t size = dims[axis];
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  const std::int64_t total = site.result.shape.elements();
  return {[=](const Arguments& arguments) {
    for (std::int64_t base = 0; base < total; base += size * inner) {
      for (std::int64_t i = base; i < base + inner; ++i) {
        softmax(arguments.input<float>(0) + i, arguments.output<float>() + i, size, inner);
      }
    }
  }};
}

}  // namespace comfystream::backend::reference
