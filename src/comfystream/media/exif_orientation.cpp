// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/exif_orientation.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace comfystream::media {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint16_t kOrientationTag = 0x0112;

std::uint32_t read_number(Bytes bytes, std::size_t offset, int count, bool little_endian) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) {
    const auto at = offset + static_cast<std::size_t>(little_endian ? count - 1 - i : i);
    value = (value << 8U) | std::to_integer<std::uint32_t>(bytes[at]);
  }
  return value;
}

/// The orientation in a TIFF header's first directory.
int orientation_in_tiff(Bytes tiff) noexcept {
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == std::byte{'I'};
  const std::size_t directory = read_number(tiff, 4, 4, little);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const std::size_t entries = read_number(tiff, directory, 2, little);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (read_number(tiff, entry, 2, little) != kOrientationTag) continue;
    const auto value = static_cast<int>(read_number(tiff, entry + 8, 2, little));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(Bytes jpeg) noexcept {
  constexpr std::array<char, 6> kExif{'E', 'x', 'i', 'f', '\0', '\0'};
  if (jpeg.size() < 4 || jpeg[0] != std::byte{0xFF} || jpeg[1] != std::byte{0xD8}) return 1;
  std::size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at] == std::byte{0xFF}) {
    const auto marker = std::to_integer<int>(jpeg[at + 1]);
    if (marker == 0xDA) return 1;  // the pixels begin: no EXIF will follow
    const std::size_t length = read_number(jpeg, at + 2, 2, false);
    if (length < 2 || at + 2 + length > jpeg.size()) return 1;
    const Bytes payload = jpeg.subspan(at + 4, length - 2);
    if (marker == 0xE1 && payload.size() > kExif.size() &&
        std::memcmp(payload.data(), kExif.data(), kExif.size()) == 0) {
      return orientation_in_tiff(payload.subspan(kExif.size()));
    }
    at += 2 + length;
  }
  return 1;
}

void apply_orientation(int orientation, int channels, int& width, int& height, std::vector<std::uint8_t>& pixels) {
  if (orientation <= 1 || orientation > 8) return;
  const bool transposed = orientation >= 5;
  const int out_width = transposed ? height : width;
  const int out_height = transposed ? width : height;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  std::vector<std::uint8_t> out(pixels.size());
  const auto step = static_cast<std::size_t>(channels);
  for (int y = 0; y < out_height; ++y) {
    for (int x = 0; x < out_width; ++x) {
      int source_x = transposed ? y : x;
      int source_y = transposed ? x : y;
      if (flip_x) source_x = width - 1 - source_x;
      if (flip_y) source_y = height - 1 - source_y;
      const auto from =
          (static_cast<std::size_t>(source_y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(source_x)) *
          step;
      const auto to =
          (static_cast<std::size_t>(y) * static_cast<std::size_t>(out_width) + static_cast<std::size_t>(x)) * step;
      std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(from), channels,
                  out.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  pixels = std::move(out);
  width = out_width;
  height = out_height;
}

}  // namespace comfystream::media
