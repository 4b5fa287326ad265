// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/rgb8.hpp"

#include <algorithm>
#include <cstring>

namespace comfystream::media {

void to_rgb8(const Picture& picture, std::span<std::byte> out) noexcept {
  const std::span<const std::byte> bytes = picture.bytes();
  if (picture.format() == PixelFormat::kRgb8) {
    std::memcpy(out.data(), bytes.data(), std::min(bytes.size(), out.size()));
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    float value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof(float), sizeof(float));
    // Written so that NaN, which compares false, becomes 0.
    out[i] = static_cast<std::byte>(value > 0 ? std::min(value * 255.0F, 255.0F) : 0.0F);
  }
}

}  // namespace comfystream::media
