// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"

#include <cstddef>
#include <span>

namespace comfystream::media {

/// The picture's values as bytes, three a pixel, into `out` of width * height * 3 bytes. Floats as ComfyUI's SaveImage
/// makes them bytes: 255 times, clamped to 0..255, truncated; NaN gives 0.
void to_rgb8(const Picture& picture, std::span<std::byte> out) noexcept;

}  // namespace comfystream::media
