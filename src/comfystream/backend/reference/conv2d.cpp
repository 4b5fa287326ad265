// SPDX-License-Identifier: Apache-2.0
// Convolution as a product: weights [out, taps] by patches [taps, positions], a panel of output positions at a time.
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/panels.hpp"

#include <algorithm>
#include <array>

namespace comfystream::backend::reference {
namespace {

struct Convolution {
  graph::Conv2dAttrs attrs;
  Shape in, weight, out;

  [[nodiscard]] std::int64_t taps() const { return weight[1] * weight[2] * weight[3]; }
  [[nodiscard]] std::int64_t padded_height() const { return in[2] + attrs.pad_top + attrs.pad_bottom; }
  [[nodiscard]] std::int64_t padded_width() const { return in[3] + attrs.pad_left + attrs.pad_right; }
  [[nodiscard]] std::int64_t padded_plane() const { return padded_height() * padded_width(); }
};

// All planes of one picture with their borders, which hold 0 already.
void pad_planes(const Convolution& c, const float* in, float* padded) {
  padded += c.attrs.pad_top * c.padded_width() + c.attrs.pad_left;
  for (std::int64_t channel = 0; channel < c.in[1]; ++channel, padded += c.padded_plane()) {
    for (std::int64_t y = 0; y < c.in[2]; ++y, in += c.in[3]) std::copy_n(in, c.in[3], padded + y * c.padded_width());
  }
}

// The patches of the `count` output positions from `first` on, out of one group's planes: [taps, kPanel].
void gather(const Convolution& c, const float* planes, std::int64_t first, std::int64_t count, float* panel) {
  const auto& a = c.attrs;
  std::array<std::int64_t, static_cast<std::size_t>(kPanel)> corners{};
  for (std::int64_t p = 0; p < count; ++p) {
    const std::int64_t position = first + p;
    corners[static_cast<std::size_t>(p)] =
        position / c.out[3] * a.stride_h * c.padded_width() + position % c.out[3] * a.stride_w;
  }
  const bool adjacent = count == kPanel && corners.back() == corners.front() + kPanel - 1;
  for (std::int64_t channel = 0; channel < c.weight[1]; ++channel, planes += c.padded_plane()) {
    for (std::int64_t ky = 0; ky < c.weight[2]; ++ky) {
      for (std::int64_t kx = 0; kx < c.weight[3]; ++kx, panel += kPanel) {
        const float* from = planes + ky * a.dilation_h * c.padded_width() + kx * a.dilation_w;
        if (adjacent) {
          std::copy_n(from + corners.front(), kPanel, panel);
        } else {
          for (std::int64_t p = 0; p < count; ++p) panel[p] = from[corners[static_cast<std::size_t>(p)]];
        }
      }
    }
  }
}

void run_group(const Convolution& c, const float* planes, const float* weight, float* out, float* panel) {
  const std::int64_t channels = c.out[1] / c.attrs.groups;
  const std::int64_t positions = c.out[2] * c.out[3];
  for (std::int64_t first = 0; first < positions; first += kPanel) {
    const std::int64_t count = std::min(kPanel, positions - first);
    gather(c, planes, first, count, panel);
    add_panel({weight, c.taps()}, channels, panel, c.taps(), {out + first, positions}, count);
  }
}

void run(const Convolution& c, const Arguments& arguments) {
  const std::int64_t out_plane = c.out[2] * c.out[3];
  const std::int64_t group_channels = c.out[1] / c.attrs.groups;
  const float* bias = arguments.optional_input<float>(2);
  auto* panel = reinterpret_cast<float*>(arguments.scratch);
  float* padded = panel + kPanel * c.taps();
  std::fill(panel, padded + c.in[1] * c.padded_plane(), 0.0F);
  float* out = arguments.output<float>();
  for (std::int64_t n = 0; n < c.in[0]; ++n) {
    pad_planes(c, arguments.input<float>(0) + n * c.in[1] * c.in[2] * c.in[3], padded);
    for (std::int64_t oc = 0; oc < c.out[1]; ++oc) {
      std::fill_n(out + oc * out_plane, out_plane, bias == nullptr ? 0.0F : bias[oc]);
    }
    const float* weight = arguments.input<float>(1);
    for (std::int64_t g = 0; g < c.attrs.groups; ++g, out += group_channels * out_plane) {
      run_group(c, padded + g * c.weight[1] * c.padded_plane(), weight + g * group_channels * c.taps(), out, panel);
    }
  }
}

}  // namespace

Kernel conv2d_kernel(const Site& site) {
  const Convolution c{site.attributes<graph::Conv2dAttrs>(), site.operands[0].shape, site.operands[1].shape,
                      site.result.shape};
  const auto scratch = static_cast<std::size_t>(kPanel * c.taps() + c.in[1] * c.padded_plane()) * sizeof(float);
  return {[c](const Arguments& arguments) { run(c, arguments); }, scratch};
}

}  // namespace comfystream::backend::reference
