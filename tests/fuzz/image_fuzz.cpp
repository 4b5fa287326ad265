// SPDX-License-Identifier: Apache-2.0
// Image files of any bytes: pixels of the size that they state, or a reason.
#include "comfystream/media/exif_orientation.hpp"
#include "comfystream/media/image_codec.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <cstdlib>
#include <span>

namespace comfystream::fuzz {
namespace {

/// Damaged headers state sizes of any kind: none that takes a run longer than the others together.
constexpr std::size_t kMostPixels = 1U << 20U;

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  const std::filesystem::path folder = std::filesystem::path(COMFYSTREAM_SOURCE_DIR) / "tests/fuzz/corpus/image";
  for (const char* name : {"baseline.jpg", "grey.bmp", "grey16.png", "palette.bmp", "palette.png", "palette.tga",
                           "progressive.jpg", "rgb.ppm", "rgb.psd", "rgba.png", "rgba_rle.tga"}) {
    files.push_back(read_file(folder / name));
  }
  return files;
}

}  // namespace comfystream::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace media = comfystream::media;
  const auto file = std::as_bytes(std::span(data, size));
  const char* why = nullptr;
  auto image = media::decode_image(file, &why, comfystream::fuzz::kMostPixels);
  if (!image) {
    if (why == nullptr) std::abort();
    return 0;
  }
  const auto pixels = static_cast<std::size_t>(image->width) * static_cast<std::size_t>(image->height);
  if (image->pixels.size() != pixels * static_cast<std::size_t>(image->channels)) std::abort();
  media::apply_orientation(media::exif_orientation(file), image->channels, image->width, image->height, image->pixels);
  return 0;
}
