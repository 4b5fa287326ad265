// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_vocabulary.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string_view>

// stb's inflate, private to this file.
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#include "comfystream/error.hpp"

#include <stb_image.h>

namespace comfystream::models {
namespace {

constexpr std::size_t kHeader = 10, kTrailer = 8;
/// The real file is 1.4 MB packed and 3.2 MB unpacked.
constexpr std::size_t kLargest = std::size_t{32} << 20U;

[[noreturn]] void corrupt(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptFile, "CLIP vocabulary " + path.string() + ": " + what,
              "fetch it again: ./run --build-only");
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw Error(ErrorCode::kNotFound, "CLIP vocabulary " + path.string() + " is missing",
                "./run --build-only fetches it; by hand: pip download --no-deps open_clip_torch==3.3.0 && unzip -p "
                "open_clip_torch-3.3.0-py3-none-any.whl open_clip/bpe_simple_vocab_16e6.txt.gz > " +
                    path.string());
  }
  if (std::filesystem::is_regular_file(path) && std::filesystem::file_size(path) > kLargest) {
    corrupt(path, "larger than any vocabulary");
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

/// Where the compressed data begins (RFC 1952, section 2.3), or npos.
std::size_t end_of_header(std::string_view file) {
  constexpr unsigned kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16;
  const auto flags = static_cast<unsigned char>(file[3]);
  std::size_t at = kHeader;
  if ((flags & kExtra) != 0) {
    if (at + 2 > file.size()) return std::string_view::npos;
    at += 2 + static_cast<unsigned char>(file[at]) + 256U * static_cast<unsigned char>(file[at + 1]);
  }
  for (const unsigned text : {kName, kComment}) {
    if ((flags & text) == 0) continue;
    const std::size_t end = file.find('\0', at);
    if (end == std::string_view::npos) return end;
    at = end + 1;
  }
  if ((flags & kHeaderCrc) != 0) at += 2;
  return at;
}

std::string unpack(const std::filesystem::path& path, std::string_view file) {
  const std::size_t begin = file.size() < kHeader + kTrailer ? std::string_view::npos : end_of_header(file);
  if (begin == std::string_view::npos || begin + kTrailer > file.size()) corrupt(path, "a truncated gzip file");
  const std::string_view data = file.substr(begin, file.size() - kTrailer - begin);
  const std::size_t size = little_endian(file.substr(file.size() - 4));
  if (size > kLargest) corrupt(path, "not a gzip file of one vocabulary");
  std::string text(size, '\0');
  const int written =
      stbi_zlib_decode_noheader_buffer(text.data(), static_cast<int>(size), data.data(), static_cast<int>(data.size()));
  if (written != static_cast<int>(size) || crc32(text) != little_endian(file.substr(file.size() - kTrailer))) {
    corrupt(path, "the gzip data contradict their own length or checksum");
  }
  return text;
}

}  // namespace

std::string read_clip_vocabulary(const std::filesystem::path& path) {
  std::string file = read_file(path);
  return file.starts_with("\x1F\x8B\x08") ? unpack(path, file) : file;
}

}  // namespace comfystream::models
