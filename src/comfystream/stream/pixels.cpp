// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/pixels.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace comfystream::stream {
namespace {

void widen(std::span<const std::byte> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const float value = static_cast<float>(std::to_integer<std::uint8_t>(from[i])) / 255.0F;
    std::memcpy(to.data() + i * sizeof(float), &value, sizeof(float));
  }
}

void narrow(std::span<const std::byte> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    float value = 0;
    std::memcpy(&value, from.data() + i * sizeof(float), sizeof(float));
    // Written so that NaN fails the comparison.
    const float scaled = value > 0.0F ? std::min(value * 255.0F, 255.0F) : 0.0F;
    to[i] = static_cast<std::byte>(static_cast<std::int32_t>(scaled));
  }
}

}  // namespace

void copy_pixels(std::span<const std::byte> from, PixelFormat from_format, std::span<std::byte> to,
                 PixelFormat to_format) {
  if (from_format == to_format) {
    std::memcpy(to.data(), from.data(), to.size());
  } else if (from_format == PixelFormat::kRgb8) {
    widen(from, to);
  } else {
    narrow(from, to);
  }
}

}  // namespace comfystream::stream
