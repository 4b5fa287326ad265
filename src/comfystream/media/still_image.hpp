// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/frame.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace comfystream::media {

/// A decoded still image: rows without padding, top row first, upright (EXIF orientation applied).
struct StillImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;    ///< 3 values a pixel, 0..255; grey repeated; not multiplied by alpha
  std::vector<std::uint8_t> alpha;  ///< 1 value a pixel, 255 opaque; empty when the file has no alpha channel
};

/// The same with values 0..1 (byte / 255), as the nodes take it: rgb is [height, width, 3], alpha [height, width].
struct StillImageF32 {
  int width = 0;
  int height = 0;
  std::vector<float> rgb;
  std::vector<float> alpha;  ///< 1 opaque; empty when the file has no alpha channel
};

/// Reads PNG, JPEG, BMP, TGA, PSD, PGM and PPM; 16-bit files at their upper 8 bits. Throws Error: not found, io, or
/// corrupt_file with the file's name and the decoder's reason.
[[nodiscard]] StillImage load_still_image(const std::filesystem::path& path);
[[nodiscard]] StillImageF32 load_image(const std::filesystem::path& path);

/// True when the file's first bytes (or, for formats without any, its name) are those of a format read here.
[[nodiscard]] bool is_still_image(const std::filesystem::path& path);

/// Writes an 8-bit PNG. Float pictures become bytes as ComfyUI's SaveImage does it: 255 times, clamped, truncated. On
/// failure (disk full, no such folder) the half-written file is removed and the reason returned. Safe on the frame
/// path: throws nothing but std::bad_alloc.
[[nodiscard]] std::optional<Error> write_png(const std::filesystem::path& path, const Picture& picture);
[[nodiscard]] std::optional<Error> write_png(const std::filesystem::path& path, std::span<const std::byte> pixels,
                                             int width, int height, int channels);

}  // namespace comfystream::media
