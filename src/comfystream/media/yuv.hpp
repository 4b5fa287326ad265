// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace comfystream::media {

/// How luma and colour differences follow from red, green and blue (ITU-T H.273, 8.3), 8 bits each.
struct YuvCoding {
  double red_weight = 0.2126;  ///< BT.709; BT.601 has 0.299 and 0.114
  double blue_weight = 0.0722;
  bool full_range = false;  ///< luma 0..255 instead of 16..235, differences the same
  [[nodiscard]] bool operator==(const YuvCoding&) const = default;
};

/// Three planes; those of colour are halved in an axis whose shift is 1 (rounded up), and as large as luma's at 0.
template <typename Byte>
struct YuvPlanes {
  std::array<Byte*, 3> planes{};
  std::array<std::size_t, 3> strides{};  ///< bytes from one row to the next
  int width = 0;
  int height = 0;
  int shift_x = 1;
  int shift_y = 1;
};

/// To 8-bit RGB and back, every value rounded to the nearest: GStreamer's own conversion truncates and makes pictures
/// up to three steps darker. Tables are made once; nothing is allocated later.
class YuvToRgb {
 public:
  explicit YuvToRgb(const YuvCoding& coding);
  [[nodiscard]] const YuvCoding& coding() const noexcept { return coding_; }
  /// Colour of a halved axis counts for both of its pixels. Writes width * height * 3 bytes without padding.
  void convert(const YuvPlanes<const std::uint8_t>& from, std::uint8_t* rgb) const noexcept;

 private:
  void convert_row(const std::uint8_t* luma, const std::uint8_t* blue, const std::uint8_t* red, int width, int shift,
                   std::uint8_t* rgb) const noexcept;

  using Table = std::array<std::int32_t, 256>;  // with 16 bits behind the point
  YuvCoding coding_;
  Table luma_, red_of_v_, green_of_u_, green_of_v_, blue_of_u_;
};

class RgbToYuv {
 public:
  explicit RgbToYuv(const YuvCoding& coding);
  /// Reads width * height * 3 bytes without padding. Colour of a halved axis is the mean of its pixels.
  void convert(const std::uint8_t* rgb, const YuvPlanes<std::uint8_t>& to) const noexcept;

 private:
  void luma_row(const std::uint8_t* rgb, int width, std::uint8_t* out) const noexcept;
  void colour_row(const std::uint8_t* rgb, const YuvPlanes<std::uint8_t>& to, int row) const noexcept;

  using Weights = std::array<std::int32_t, 3>;  // of red, green and blue, with 16 bits behind the point
  Weights luma_, u_, v_;
  std::int32_t luma_offset_;
};

}  // namespace comfystream::media
