// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"

#include <cstddef>
#include <span>

namespace comfystream::stream {

/// Copies pixels from one format to another; both spans hold the same number of whole pixels. The arithmetic is
/// ComfyUI's: byte to float is v / 255 in float32, float to byte is clamp(v * 255, 0, 255) with the fraction cut off
/// (NaN gives 0). Byte to float and back is exact.
void copy_pixels(std::span<const std::byte> from, PixelFormat from_format, std::span<std::byte> to,
                 PixelFormat to_format);

}  // namespace comfystream::stream
