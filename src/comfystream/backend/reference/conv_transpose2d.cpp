// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"

#include <algorithm>

namespace comfystream::backend::reference {
namespace {

struct Geometry {
  graph::ConvTranspose2dAttrs attrs;
  Shape in, weight, out;
};

// Adds input plane * one kernel plane to an output plane: input (y, x) meets output (y * stride - pad + ky, ...).
void scatter(const Geometry& g, const float* in, const float* kernel, float* out) {
  const std::int64_t stride = g.attrs.stride;
  const std::int64_t kernel_width = g.weight[3];
  for (std::int64_t y = 0; y < g.in[2]; ++y) {
    for (std::int64_t ky = 0; ky < g.weight[2]; ++ky) {
      const std::int64_t to_y = y * stride - g.attrs.pad + ky;
      if (to_y < 0 || to_y >= g.out[2]) continue;
      for (std::int64_t x = 0; x < g.in[3]; ++x) {
        const float value = in[y * g.in[3] + x];
        for (std::int64_t kx = 0; kx < kernel_width; ++kx) {
          const std::int64_t to_x = x * stride - g.attrs.pad + kx;
          if (to_x >= 0 && to_x < g.out[3]) out[to_y * g.out[3] + to_x] += value * kernel[ky * kernel_width + kx];
        }
      }
    }
  }
}

void run(const Geometry& g, const Arguments& arguments) {
  const std::int64_t group_in = g.in[1] / g.attrs.groups;
  const std::int64_t group_out = g.weight[1];
  const std::int64_t in_plane = g.in[2] * g.in[3];
  const std::int64_t kernel_plane = g.weight[2] * g.weight[3];
  const std::int64_t out_plane = g.out[2] * g.out[3];
  const float* bias = arguments.optional_input<float>(2);
  float* out = arguments.output<float>();
  for (std::int64_t n = 0; n < g.in[0]; ++n) {
    for (std::int64_t oc = 0; oc < g.out[1]; ++oc, out += out_plane) {
      std::fill_n(out, out_plane, bias == nullptr ? 0.0F : bias[oc]);
      const std::int64_t first = oc / group_out * group_in;
      for (std::int64_t ic = first; ic < first + group_in; ++ic) {
        scatter(g, arguments.input<float>(0) + (n * g.in[1] + ic) * in_plane,
                arguments.input<float>(1) + (ic * group_out + oc % group_out) * kernel_plane, out);
      }
    }
  }
}

}  // namespace

Kernel conv_transpose2d_kernel(const Site& site) {
  const Geometry g{site.attributes<graph::ConvTranspose2dAttrs>(), site.operands[0].shape, site.operands[1].shape,
                   site.result.shape};
  return {[g](const Arguments& arguments) { run(g, arguments); }};
}

}  // namespace comfystream::backend::reference
