// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/image_codec.hpp"

#include <limits>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_GIF
#define STBI_NO_HDR
#define STBI_NO_LINEAR
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

bool fits_int(std::span<const std::byte> file) noexcept {
  return file.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max());
}

}  // namespace

std::optional<ImageHeader> read_image_header(std::span<const std::byte> file) noexcept {
  ImageHeader header;
  if (!fits_int(file) || stbi_info_from_memory(stb_bytes(file), static_cast<int>(file.size()), &header.width,
                                               &header.height, &header.channels) == 0) {
    return std::nullopt;
  }
  return header;
}

std::optional<std::vector<std::uint8_t>> decode_image(std::span<const std::byte> file, int channels, const char** why) {
  if (!fits_int(file)) {
    *why = "larger than 2 GiB";
    return std::nullopt;
  }
  int width = 0;
  int height = 0;
  int stored = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(stb_bytes(file), static_cast<int>(file.size()), &width, &height, &stored, channels),
      &stbi_image_free);
  if (!pixels) {
    *why = stbi_failure_reason();
    return std::nullopt;
  }
  const auto count =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels);
  return std::vector<std::uint8_t>(pixels.get(), pixels.get() + count);
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
