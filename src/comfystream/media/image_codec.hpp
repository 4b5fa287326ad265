// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace comfystream::media {

/// Rows of 8-bit pixels without padding, top row first.
struct DecodedImage {
  int width = 0;
  int height = 0;
  int channels = 0;  ///< 3 RGB, grey repeated; 4 RGBA, where the file has alpha
  std::vector<std::uint8_t> pixels;
};

/// 16384 x 16384, or as much in another shape.
inline constexpr std::size_t kMostPixels = std::size_t{1} << 28U;

/// PNG, JPEG, BMP, TGA, PSD, PGM and PPM of any bytes, or nothing with the reason in `*why`. 16-bit files keep their
/// upper byte. A picture of more than `most_pixels` is refused before memory is taken for it.
[[nodiscard]] std::optional<DecodedImage> decode_image(std::span<const std::byte> file, const char** why,
                                                       std::size_t most_pixels = kMostPixels);

/// A PNG file's bytes for rows of 8-bit pixels without padding. Empty when memory runs out.
[[nodiscard]] std::vector<std::byte> encode_png(std::span<const std::byte> pixels, int width, int height, int channels);

}  // namespace comfystream::media
