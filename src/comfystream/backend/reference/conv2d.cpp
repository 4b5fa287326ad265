// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/lanes.hpp"

#include <algorithm>

namespace comfystream::backend::reference {
namespace {

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

struct Convolution {
  graph::Conv2dAttrs attrs;
  std::int64_t batch, in_channels, in_height, in_width;
  std::int64_t out_channels, out_height, out_width;
  std::int64_t kernel_height, kernel_width;
};

// Output positions whose tap falls inside the input: 0 <= out * stride + offset < size.
Range inside(std::int64_t offset, std::int64_t stride, std::int64_t size, std::int64_t out_size) {
  const std::int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t room = size - 1 - offset;
  const std::int64_t end = room < 0 ? 0 : std::min(out_size, room / stride + 1);
  return {std::min(begin, end), end};
}

// Adds one tap of one input plane to an output plane, row by row.
void add_tap(const Convolution& c, const float* in, float weight, std::int64_t ky, std::int64_t kx, float* out) {
  const auto& a = c.attrs;
  const std::int64_t dy = ky * a.dilation_h - a.pad_top;
  const std::int64_t dx = kx * a.dilation_w - a.pad_left;
  const Range rows = inside(dy, a.stride_h, c.in_height, c.out_height);
  const Range columns = inside(dx, a.stride_w, c.in_width, c.out_width);
  for (std::int64_t y = rows.begin; y < rows.end; ++y) {
    const float* from = in + (y * a.stride_h + dy) * c.in_width + columns.begin * a.stride_w + dx;
    add_scaled(out + y * c.out_width + columns.begin, from, weight, columns.end - columns.begin, a.stride_w);
  }
}

void run(const Convolution& c, const Arguments& arguments) {
  const std::int64_t group_in = c.in_channels / c.attrs.groups;
  const std::int64_t group_out = c.out_channels / c.attrs.groups;
  const std::int64_t in_plane = c.in_height * c.in_width;
  const std::int64_t out_plane = c.out_height * c.out_width;
  const float* bias = arguments.optional_input<float>(2);
  float* out = arguments.output<float>();
  for (std::int64_t n = 0; n < c.batch; ++n) {
    for (std::int64_t oc = 0; oc < c.out_channels; ++oc, out += out_plane) {
      std::fill_n(out, out_plane, bias == nullptr ? 0.0F : bias[oc]);
      const float* in = arguments.input<float>(0) + (n * c.in_channels + oc / group_out * group_in) * in_plane;
      const float* weight = arguments.input<float>(1) + oc * group_in * c.kernel_height * c.kernel_width;
      for (std::int64_t ic = 0; ic < group_in; ++ic, in += in_plane) {
        for (std::int64_t ky = 0; ky < c.kernel_height; ++ky) {
          for (std::int64_t kx = 0; kx < c.kernel_width; ++kx) add_tap(c, in, *weight++, ky, kx, out);
        }
      }
    }
  }
}

}  // namespace

Kernel conv2d_kernel(const Site& site) {
  const auto& x = site.operands[0].shape;
  const auto& w = site.operands[1].shape;
  const auto& y = site.result.shape;
  const Convolution c{site.attributes<graph::Conv2dAttrs>(), x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[2], w[3]};
  return {[c](const Arguments& arguments) { run(c, arguments); }};
}

}  // namespace comfystream::backend::reference
