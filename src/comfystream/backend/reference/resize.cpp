// SPDX-License-Identifier: Apache-2.0
// PyTorch's interpolate(antialias=False): each output position reads up to four taps along each axis.
#include "comfystream/backend/reference/kernel.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace comfystream::backend::reference {
namespace {

struct Taps {
  std::array<std::int64_t, 4> index{};
  std::array<float, 4> weight{};
};

// Keys' cubic convolution (1981) with a = -0.75, for distances 0..1 and 1..2.
constexpr float kCubic = -0.75F;
float cubic_near(float x) { return ((kCubic + 2.0F) * x - (kCubic + 3.0F)) * x * x + 1.0F; }
float cubic_far(float x) { return ((kCubic * x - 5.0F * kCubic) * x + 8.0F * kCubic) * x - 4.0F * kCubic; }

float source_position(std::int64_t out, std::int64_t in_size, std::int64_t out_size, bool align_corners) {
  const auto position = static_cast<float>(out);
  if (align_corners) {
    if (out_size == 1) return 0.0F;
    return position * (static_cast<float>(in_size - 1) / static_cast<float>(out_size - 1));
  }
  return (position + 0.5F) * (static_cast<float>(in_size) / static_cast<float>(out_size)) - 0.5F;
}

Taps nearest_taps(std::int64_t out, std::int64_t in_size, std::int64_t out_size, float shift) {
  const float scale = static_cast<float>(in_size) / static_cast<float>(out_size);
  const auto source = static_cast<std::int64_t>(std::floor((static_cast<float>(out) + shift) * scale));
  return {{std::min(source, in_size - 1)}, {1.0F}};
}

Taps bilinear_taps(float position, std::int64_t in_size) {
  position = std::max(position, 0.0F);
  const std::int64_t first = std::min(static_cast<std::int64_t>(position), in_size - 1);
  const float fraction = std::clamp(position - static_cast<float>(first), 0.0F, 1.0F);
  return {{first, std::min(first + 1, in_size - 1)}, {1.0F - fraction, fraction}};
}

Taps bicubic_taps(float position, std::int64_t in_size) {
  const float floor = std::floor(position);
  const float t = position - floor;
  Taps taps{{}, {cubic_far(t + 1.0F), cubic_near(t), cubic_near(1.0F - t), cubic_far(2.0F - t)}};
  for (std::int64_t i = 0; i < 4; ++i) {
    taps.index[static_cast<std::size_t>(i)] =
        std::clamp(static_cast<std::int64_t>(floor) - 1 + i, std::int64_t{0}, in_size - 1);
  }
  return taps;
}

std::vector<Taps> taps_along(const graph::ResizeAttrs& attrs, std::int64_t in_size, std::int64_t out_size) {
  std::vector<Taps> all;
  for (std::int64_t i = 0; i < out_size; ++i) {
    const float position = source_position(i, in_size, out_size, attrs.align_corners);
    switch (attrs.mode) {
      case graph::ResizeMode::kNearest:
        all.push_back(nearest_taps(i, in_size, out_size, 0.0F));
        break;
      case graph::ResizeMode::kNearestExact:
        all.push_back(nearest_taps(i, in_size, out_size, 0.5F));
        break;
      case graph::ResizeMode::kBilinear:
        all.push_back(bilinear_taps(position, in_size));
        break;
      case graph::ResizeMode::kBicubic:
        all.push_back(bicubic_taps(position, in_size));
        break;
    }
  }
  return all;
}

std::size_t tap_count(graph::ResizeMode mode) {
  switch (mode) {
    case graph::ResizeMode::kBilinear:
      return 2;
    case graph::ResizeMode::kBicubic:
      return 4;
    default:
      return 1;
  }
}

float sample(const float* plane, std::int64_t width, const Taps& rows, const Taps& columns, std::size_t count) {
  if (count == 1) return plane[rows.index[0] * width + columns.index[0]];
  float sum = 0.0F;
  for (std::size_t y = 0; y < count; ++y) {
    const float* row = plane + rows.index[y] * width;
    float along = 0.0F;
    for (std::size_t x = 0; x < count; ++x) along += row[columns.index[x]] * columns.weight[x];
    sum += along * rows.weight[y];
  }
  return sum;
}

}  // namespace

Kernel resize_kernel(const Site& site) {
  const auto& attrs = site.attributes<graph::ResizeAttrs>();
  const Shape in = site.operands[0].shape;
  const auto rows = taps_along(attrs, in[2], attrs.height);
  const auto columns = taps_along(attrs, in[3], attrs.width);
  const std::size_t count = tap_count(attrs.mode);
  return {[=](const Arguments& arguments) {
    const float* plane = arguments.input<float>(0);
    float* out = arguments.output<float>();
    for (std::int64_t i = 0; i < in[0] * in[1]; ++i, plane += in[2] * in[3]) {
      for (const auto& row : rows) {
        for (const auto& column : columns) *out++ = sample(plane, in[3], row, column, count);
      }
    }
  }};
}

}  // namespace comfystream::backend::reference
