// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace comfystream::media {

/// The EXIF orientation (1..8, EXIF 2.3 section 4.6.4) that a JPEG file states, 1 when it states none or is no JPEG.
[[nodiscard]] int exif_orientation(std::span<const std::byte> jpeg) noexcept;

/// Pixels of `channels` bytes turned upright, in place; width and height change places for orientations 5 to 8.
void apply_orientation(int orientation, int channels, int& width, int& height, std::vector<std::uint8_t>& pixels);

}  // namespace comfystream::media
