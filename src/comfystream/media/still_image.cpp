// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/still_image.hpp"

#include "comfystream/media/exif_orientation.hpp"
#include "comfystream/media/image_codec.hpp"
#include "comfystream/media/rgb8.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::vector<std::byte> read_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw Error(ErrorCode::kNotFound, path.string() + ": no such file");
  if (fs::is_directory(path, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, path.string() + " is a folder, not an image");
  }
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw Error(ErrorCode::kIo, "cannot read " + path.string() + ": " + std::strerror(errno));
  std::vector<std::byte> bytes(static_cast<std::size_t>(fs::file_size(path, ignored)));
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  if (bytes.empty()) throw Error(ErrorCode::kCorruptFile, path.string() + " is empty");
  return bytes;
}

StillImage split_alpha(int width, int height, int channels, std::vector<std::uint8_t> pixels) {
  StillImage image{width, height, {}, {}};
  if (channels == 3) {
    image.rgb = std::move(pixels);
    return image;
  }
  const std::size_t count = pixels.size() / 4;
  image.rgb.resize(count * 3);
  image.alpha.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy_n(&pixels[4 * i], 3, &image.rgb[3 * i]);
    image.alpha[i] = pixels[4 * i + 3];
  }
  return image;
}

std::vector<float> to_unit(const std::vector<std::uint8_t>& bytes) {
  std::vector<float> values(bytes.size());
  std::transform(bytes.begin(), bytes.end(), values.begin(),
                 [](std::uint8_t b) { return static_cast<float>(b) / 255.0F; });
  return values;
}

Error write_error(const fs::path& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  return {ErrorCode::kIo, "cannot write " + path.string() + ": " + std::strerror(reason),
          full ? "make room on the disk and run again" : ""};
}

}  // namespace

StillImage load_still_image(const fs::path& path) {
  const std::vector<std::byte> file = read_file(path);
  const char* why = nullptr;
  auto image = decode_image(file, &why);
  if (!image) throw Error(ErrorCode::kCorruptFile, "cannot read " + path.string() + ": " + why);
  apply_orientation(exif_orientation(file), image->channels, image->width, image->height, image->pixels);
  return split_alpha(image->width, image->height, image->channels, std::move(image->pixels));
}

StillImageF32 load_image(const fs::path& path) {
  const StillImage image = load_still_image(path);
  return {image.width, image.height, to_unit(image.rgb), to_unit(image.alpha)};
}

bool is_still_image(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".mjpeg" || extension == ".mjpg") return false;  // JPEG pictures one after another: a video
  constexpr std::array kByName{".tga", ".psd", ".pgm", ".ppm"};
  if (std::find(kByName.begin(), kByName.end(), extension) != kByName.end()) return true;

  const File file(std::fopen(path.c_str(), "rb"));
  std::array<char, 8> start{};
  if (!file || std::fread(start.data(), 1, start.size(), file.get()) != start.size()) return false;
  const std::string_view magic(start.data(), start.size());
  return magic == "\x89PNG\r\n\x1a\n" || magic.substr(0, 3) == "\xFF\xD8\xFF" || magic.substr(0, 2) == "BM";
}

std::optional<Error> write_png(const fs::path& path, std::span<const std::byte> pixels, int width, int height,
                               int channels) {
  const std::vector<std::byte> bytes = encode_png(pixels, width, height, channels);
  if (bytes.empty()) return Error(ErrorCode::kOutOfMemory, "no memory to compress " + path.string());
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return write_error(path, errno);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  int reason = written ? 0 : errno;
  if (std::fclose(file) != 0 && reason == 0) reason = errno;
  if (reason == 0) return std::nullopt;
  std::error_code ignored;
  fs::remove(path, ignored);
  return write_error(path, reason);
}

std::optional<Error> write_png(const fs::path& path, const Picture& picture) {
  if (picture.format() == PixelFormat::kRgb8) {
    return write_png(path, picture.bytes(), picture.width(), picture.height(), 3);
  }
  std::vector<std::byte> rgb(picture.size_bytes() / sizeof(float));
  to_rgb8(picture, rgb);
  return write_png(path, rgb, picture.width(), picture.height(), 3);
}

}  // namespace comfystream::media
