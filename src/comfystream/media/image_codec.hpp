// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace comfystream::media {

/// What a compressed image's header says.
struct ImageHeader {
  int width = 0;
  int height = 0;
  int channels = 0;  ///< 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA
};

[[nodiscard]] std::optional<ImageHeader> read_image_header(std::span<const std::byte> file) noexcept;

/// 8-bit pixels of `channels` interleaved values, or nothing with the decoder's reason in `*why`. 16-bit files keep
/// their upper byte.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_image(std::span<const std::byte> file, int channels,
                                                                    const char** why);

/// A PNG file's bytes for rows of 8-bit pixels without padding. Empty when memory runs out.
[[nodiscard]] std::vector<std::byte> encode_png(std::span<const std::byte> pixels, int width, int height, int channels);

}  // namespace comfystream::media
