// SPDX-License-Identifier: Apache-2.0
// Operations that only move elements; they know an element's size, not its type.
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <cstring>
#include <utility>

namespace comfystream::backend::reference {
namespace {

template <typename T>
Kernel gather_as(const Shape& shape, Strides strides, std::int64_t start) {
  const Walk<2> walk(shape, {contiguous_strides(shape), std::move(strides)});
  return {[=](const Arguments& arguments) {
    const std::int64_t step = walk.step(1);
    walk.for_each_row([&](const auto& offsets, std::int64_t count) {
      T* __restrict out = arguments.output<T>() + offsets[0];
      const T* __restrict in = arguments.input<T>(0) + start + offsets[1];
      if (step == 1) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = in[i];
      } else {
        for (std::int64_t i = 0; i < count; ++i) out[i] = in[i * step];
      }
    });
  }};
}

// The result is the operand seen through `strides` from element `start` on.
Kernel gather(const Site& site, Strides strides, std::int64_t start) {
  const Shape& shape = site.result.shape;
  switch (size_of(site.result.dtype)) {
    case 1:
      return gather_as<std::uint8_t>(shape, std::move(strides), start);
    case 2:
      return gather_as<std::uint16_t>(shape, std::move(strides), start);
    case 4:
      return gather_as<std::uint32_t>(shape, std::move(strides), start);
    default:
      return gather_as<std::uint64_t>(shape, std::move(strides), start);
  }
}

}  // namespace

Kernel concat_kernel(const Site& site) {
  const auto axis = static_cast<std::size_t>(site.attributes<graph::ConcatAttrs>().axis);
  const auto& dims = site.result.shape.dims();
  std::size_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= static_cast<std::size_t>(dims[i]);
  std::vector<std::size_t> block_bytes;
  for (const auto& operand : site.operands) {
    const auto bytes = static_cast<std::size_t>(operand.shape.elements()) * size_of(operand.dtype);
    block_bytes.push_back(outer == 0 ? 0 : bytes / outer);
  }
  return {[=](const Arguments& arguments) {
    std::byte* out = arguments.out;
    for (std::size_t i = 0; i < outer; ++i) {
      for (std::size_t part = 0; part < block_bytes.size(); ++part) {
        std::memcpy(out, arguments.in[part] + i * block_bytes[part], block_bytes[part]);
        out += block_bytes[part];
      }
    }
  }};
}

Kernel slice_kernel(const Site& site) {
  const auto& attrs = site.attributes<graph::SliceAttrs>();
  const auto axis = static_cast<std::size_t>(attrs.axis);
  Strides strides = contiguous_strides(site.operands[0].shape);
  const std::int64_t unit = attrs.of_batch ? site.batch_size : 1;
  const std::int64_t start = attrs.begin * unit * strides[axis];
  strides[axis] *= attrs.step;
  return gather(site, std::move(strides), start);
}

Kernel reshape_kernel(const Site& site) {
  const auto bytes = static_cast<std::size_t>(site.result.shape.elements()) * size_of(site.result.dtype);
  return {[=](const Arguments& arguments) { std::memcpy(arguments.out, arguments.in[0], bytes); }};
}

Kernel transpose_kernel(const Site& site) {
  const Strides own = contiguous_strides(site.operands[0].shape);
  Strides strides;
  for (const auto axis : site.attributes<graph::TransposeAttrs>().order) {
    strides.push_back(own[static_cast<std::size_t>(axis)]);
  }
  return gather(site, std::move(strides), 0);
}

Kernel expand_kernel(const Site& site) {
  return gather(site, broadcast_strides(site.operands[0].shape, site.result.shape), 0);
}

}  // namespace comfystream::backend::reference
