// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/yuv.hpp"

#include <algorithm>
#include <cmath>

namespace comfystream::media {
namespace {

constexpr int kBits = 16;
constexpr double kOne = 1 << kBits;
constexpr std::int32_t kHalf = 1 << (kBits - 1);

std::int32_t fixed(double value) { return static_cast<std::int32_t>(std::lround(value * kOne)); }

std::uint8_t to_byte(std::int32_t value) noexcept {
  return static_cast<std::uint8_t>(std::clamp(value >> kBits, 0, 255));
}

struct Scale {
  double luma_steps, colour_steps, luma_offset;
};

Scale scale_of(const YuvCoding& coding) { return coding.full_range ? Scale{255, 255, 0} : Scale{219, 224, 16}; }

}  // namespace

YuvToRgb::YuvToRgb(const YuvCoding& coding) : coding_(coding) {
  const Scale scale = scale_of(coding);
  const double kr = coding.red_weight;
  const double kb = coding.blue_weight;
  const double kg = 1 - kr - kb;
  for (int i = 0; i < 256; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double difference = 255 * (i - 128) / scale.colour_steps;
    luma_[at] = fixed(255 * (i - scale.luma_offset) / scale.luma_steps) + kHalf;
    red_of_v_[at] = fixed(2 * (1 - kr) * difference);
    blue_of_u_[at] = fixed(2 * (1 - kb) * difference);
    green_of_u_[at] = fixed(-2 * kb * (1 - kb) / kg * difference);
    green_of_v_[at] = fixed(-2 * kr * (1 - kr) / kg * difference);
  }
}

void YuvToRgb::convert_row(const std::uint8_t* luma, const std::uint8_t* blue, const std::uint8_t* red, int width,
                           int shift, std::uint8_t* rgb) const noexcept {
  for (int x = 0; x < width; ++x, rgb += 3) {
    const std::int32_t y = luma_[luma[x]];
    const std::uint8_t u = blue[x >> shift];
    const std::uint8_t v = red[x >> shift];
    rgb[0] = to_byte(y + red_of_v_[v]);
    rgb[1] = to_byte(y + green_of_u_[u] + green_of_v_[v]);
    rgb[2] = to_byte(y + blue_of_u_[u]);
  }
}

void YuvToRgb::convert(const YuvPlanes<const std::uint8_t>& from, std::uint8_t* rgb) const noexcept {
  for (int y = 0; y < from.height; ++y) {
    const auto row = static_cast<std::size_t>(y);
    const auto colour_row = static_cast<std::size_t>(y >> from.shift_y);
    convert_row(from.planes[0] + row * from.strides[0], from.planes[1] + colour_row * from.strides[1],
                from.planes[2] + colour_row * from.strides[2], from.width, from.shift_x,
                rgb + row * static_cast<std::size_t>(from.width) * 3);
  }
}

RgbToYuv::RgbToYuv(const YuvCoding& coding) {
  const Scale scale = scale_of(coding);
  const double kr = coding.red_weight;
  const double kb = coding.blue_weight;
  const double y = scale.luma_steps / 255;
  const double u = scale.colour_steps / 255 / (2 * (1 - kb));
  const double v = scale.colour_steps / 255 / (2 * (1 - kr));
  luma_ = {fixed(y * kr), 0, fixed(y * kb)};
  u_ = {fixed(-u * kr), 0, fixed(u * (1 - kb))};
  v_ = {fixed(v * (1 - kr)), 0, fixed(-v * kb)};
  // Green makes the sums exact: white is the brightest luma, and grey has no colour.
  luma_[1] = fixed(y) - luma_[0] - luma_[2];
  u_[1] = -u_[0] - u_[2];
  v_[1] = -v_[0] - v_[2];
  luma_offset_ = fixed(scale.luma_offset) + kHalf;
}

void RgbToYuv::luma_row(const std::uint8_t* rgb, int width, std::uint8_t* out) const noexcept {
  for (int x = 0; x < width; ++x, rgb += 3) {
    out[x] = to_byte(luma_[0] * rgb[0] + luma_[1] * rgb[1] + luma_[2] * rgb[2] + luma_offset_);
  }
}

void RgbToYuv::colour_row(const std::uint8_t* rgb, const YuvPlanes<std::uint8_t>& to, int row) const noexcept {
  const int rows = std::min(1 << to.shift_y, to.height - (row << to.shift_y));
  const std::size_t stride = static_cast<std::size_t>(to.width) * 3;
  const std::uint8_t* first = rgb + static_cast<std::size_t>(row << to.shift_y) * stride;
  const std::uint8_t* last = first + (rows > 1 ? stride : 0);
  std::uint8_t* u_out = to.planes[1] + static_cast<std::size_t>(row) * to.strides[1];
  std::uint8_t* v_out = to.planes[2] + static_cast<std::size_t>(row) * to.strides[2];
  constexpr std::int32_t kMiddle = 128 << kBits;
  for (int x = 0; x < to.width; x += 1 << to.shift_x) {
    // Always four pixels, counted twice where there are fewer.
    const std::ptrdiff_t right = to.shift_x == 1 && x + 1 < to.width ? 3 : 0;
    std::array<std::int32_t, 3> sum;
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t at = static_cast<std::size_t>(x) * 3 + c;
      sum[c] = first[at] + first[at + static_cast<std::size_t>(right)] + last[at] +
               last[at + static_cast<std::size_t>(right)];
    }
    const std::int32_t u = u_[0] * sum[0] + u_[1] * sum[1] + u_[2] * sum[2];
    const std::int32_t v = v_[0] * sum[0] + v_[1] * sum[1] + v_[2] * sum[2];
    *u_out++ = to_byte((u >> 2) + kMiddle + kHalf);
    *v_out++ = to_byte((v >> 2) + kMiddle + kHalf);
  }
}

void RgbToYuv::convert(const std::uint8_t* rgb, const YuvPlanes<std::uint8_t>& to) const noexcept {
  for (int y = 0; y < to.height; ++y) {
    const auto row = static_cast<std::size_t>(y);
    luma_row(rgb + row * static_cast<std::size_t>(to.width) * 3, to.width, to.planes[0] + row * to.strides[0]);
    if ((y & ((1 << to.shift_y) - 1)) == 0) colour_row(rgb, to, y >> to.shift_y);
  }
}

}  // namespace comfystream::media
