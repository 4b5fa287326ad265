// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/image_codec.hpp"

#include "comfystream/media/jpeg_check.hpp"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>

// stb reads tables and rows that a damaged file never wrote: zeros, then, and not another picture's pixels.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(memory, size) std::realloc(memory, size)
#define STBI_FREE(memory) std::free(memory)
// Its assertions hold for good files only, and a bad one must not end the program.
#define STBI_ASSERT(condition) static_cast<void>(0)
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_GIF
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_MAX_DIMENSIONS 65536
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace comfystream::media {
namespace {

const stbi_uc* stb_bytes(std::span<const std::byte> file) { return reinterpret_cast<const stbi_uc*>(file.data()); }

const char* fault_in(std::span<const std::byte> file) noexcept {
  if (file.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return "larger than 2 GiB";
  return jpeg_fault(file);
}

/// Of a header: the height of a BMP whose first row is the top one is negative.
const char* fault_in_size(std::int64_t width, std::int64_t height, std::size_t most_pixels) noexcept {
  const auto pixels = static_cast<std::size_t>(std::abs(width) * std::abs(height));
  if (pixels == 0) return "no pixels";
  return pixels > most_pixels ? "more pixels than are decoded here (a damaged header?)" : nullptr;
}

}  // namespace

std::optional<DecodedImage> decode_image(std::span<const std::byte> file, const char** why, std::size_t most_pixels) {
  *why = fault_in(file);
  if (*why != nullptr) return std::nullopt;
  const int size = static_cast<int>(file.size());
  DecodedImage image;
  int stored = 0;
  if (stbi_info_from_memory(stb_bytes(file), size, &image.width, &image.height, &stored) == 0) {
    *why = "not an image format read here (PNG, JPEG, BMP, TGA, PSD, PGM, PPM)";
    return std::nullopt;
  }
  *why = fault_in_size(image.width, image.height, most_pixels);
  if (*why != nullptr) return std::nullopt;
  image.channels = stored % 2 == 0 ? 4 : 3;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(stb_bytes(file), size, &image.width, &image.height, &stored, image.channels),
      &stbi_image_free);
  if (!pixels) {
    *why = stbi_failure_reason();
    return std::nullopt;
  }
  const auto count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                     static_cast<std::size_t>(image.channels);
  image.pixels.assign(pixels.get(), pixels.get() + count);
  return image;
}

std::vector<std::byte> encode_png(std::span<const std::byte> pixels, int width, int height, int channels) {
  std::vector<std::byte> file;
  const auto append = [](void* context, void* data, int size) {
    auto& out = *static_cast<std::vector<std::byte>*>(context);
    const auto* bytes = static_cast<const std::byte*>(data);
    out.insert(out.end(), bytes, bytes + size);
  };
  if (stbi_write_png_to_func(append, &file, width, height, channels, pixels.data(), width * channels) == 0)
    file.clear();
  return file;
}

}  // namespace comfystream::media
