// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/convert.hpp"
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace comfystream::backend::reference {
namespace {

constexpr std::int64_t kOutside = -1;

// For every position of the padded axis, the source position or kOutside.
std::vector<std::int64_t> sources(graph::PadMode mode, std::int64_t before, std::int64_t size, std::int64_t after) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = -before; i < size + after; ++i) {
    std::int64_t from = i;
    if (mode == graph::PadMode::kConstant && (i < 0 || i >= size)) from = kOutside;
    if (mode == graph::PadMode::kReplicate) from = std::clamp(i, std::int64_t{0}, size - 1);
    if (mode == graph::PadMode::kReflect) from = i < 0 ? -i : (i >= size ? 2 * (size - 1) - i : i);
    all.push_back(from);
  }
  return all;
}

// Source offset of row `row` of the result (all axes but the last), or kOutside.
std::int64_t row_source(std::int64_t row, const std::vector<std::vector<std::int64_t>>& maps, const Strides& strides) {
  std::int64_t offset = 0;
  for (std::size_t axis = maps.size() - 1; axis-- > 0;) {
    const auto size = static_cast<std::int64_t>(maps[axis].size());
    const std::int64_t from = maps[axis][static_cast<std::size_t>(row % size)];
    if (from == kOutside) return kOutside;
    offset += from * strides[axis];
    row /= size;
  }
  return offset;
}

template <typename T>
Kernel pad_as(const Site& site) {
  const auto& attrs = site.attributes<graph::PadAttrs>();
  const Shape& in = site.operands[0].shape;
  std::vector<std::vector<std::int64_t>> maps;
  for (std::size_t i = 0; i < in.rank(); ++i)
    maps.push_back(sources(attrs.mode, attrs.before[i], in[i], attrs.after[i]));
  const Strides strides = contiguous_strides(in);
  const std::int64_t width = site.result.shape.dims().back();
  const std::int64_t rows = width == 0 ? 0 : site.result.shape.elements() / width;
  T fill{};
  convert_elements(DType::kF32, reinterpret_cast<const std::byte*>(&attrs.value), site.result.dtype,
                   reinterpret_cast<std::byte*>(&fill), 1);
  return {[=](const Arguments& arguments) {
    T* out = arguments.output<T>();
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t source = row_source(row, maps, strides);
      for (const auto from : maps.back()) {
        *out++ = source == kOutside || from == kOutside ? fill : arguments.input<T>(0)[source + from];
      }
    }
  }};
}

}  // namespace

Kernel pad_kernel(const Site& site) {
  if (site.result.shape.rank() == 0) return reshape_kernel(site);
  switch (size_of(site.result.dtype)) {
    case 1:
      return pad_as<std::uint8_t>(site);
    case 2:
      return pad_as<std::uint16_t>(site);
    case 4:
      return pad_as<std::uint32_t>(site);
    default:
      return pad_as<std::uint64_t>(site);
  }
}

}  // namespace comfystream::backend::reference
