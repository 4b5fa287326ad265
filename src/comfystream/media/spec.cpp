// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/spec.hpp"

#include "comfystream/error.hpp"
#include "comfystream/media/still_image.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPatternPrefix = "testpattern:";
constexpr std::string_view kCameraPrefix = "camera:";
constexpr std::string_view kLossless = "?lossless";

bool starts_with(const std::string& text, std::string_view prefix) { return text.rfind(prefix, 0) == 0; }

SourceSpec parse_existing(const std::string& text) {
  std::error_code ignored;
  if (fs::is_directory(text, ignored)) return {SourceKind::kFolder, text};
  const bool exists = fs::exists(text, ignored);
  if (!exists && text.find_first_of("*?[") != std::string::npos) return {SourceKind::kGlob, text};
  if (!exists) throw Error(ErrorCode::kNotFound, text + ": no such file", "check the path after --input");
  if (fs::is_regular_file(text, ignored) && fs::file_size(text, ignored) == 0) {
    throw Error(ErrorCode::kCorruptFile, text + " is empty");
  }
  return {is_still_image(text) ? SourceKind::kStillImage : SourceKind::kVideoFile, text};
}

}  // namespace

std::string extension_of(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

SourceSpec parse_source(const std::string& text) {
  if (text.empty()) throw Error(ErrorCode::kInvalidArgument, "the input is empty", "give --input a file or a URI");
  if (starts_with(text, kPatternPrefix)) return {SourceKind::kTestPattern, text.substr(kPatternPrefix.size())};
  if (text == "testpattern") return {SourceKind::kTestPattern, ""};
  if (starts_with(text, kCameraPrefix)) return {SourceKind::kCamera, text.substr(kCameraPrefix.size())};
  if (text.find("://") != std::string::npos) return {SourceKind::kUri, text};
  return parse_existing(text);
}

SinkSpec parse_sink(const std::string& text) {
  SinkSpec spec{SinkKind::kVideoFile, text, false};
  if (text.size() > kLossless.size() && text.ends_with(kLossless)) {
    spec.lossless = true;
    spec.target.resize(text.size() - kLossless.size());
  }
  std::error_code ignored;
  if (spec.target.empty())
    throw Error(ErrorCode::kInvalidArgument, "the output is empty", "give --output a file or null");
  if (spec.target == "null") {
    spec.kind = SinkKind::kNull;
  } else if (spec.target.back() == '/' || fs::is_directory(spec.target, ignored)) {
    spec.kind = SinkKind::kFolder;
  } else if (extension_of(spec.target) == ".png") {
    spec.kind = SinkKind::kPng;
  } else {
    constexpr std::array<std::string_view, 5> kVideo{".mp4", ".m4v", ".mov", ".mkv", ".webm"};
    if (std::find(kVideo.begin(), kVideo.end(), extension_of(spec.target)) == kVideo.end()) {
      throw Error(ErrorCode::kInvalidArgument, "cannot tell the format of the output " + spec.target,
                  "end it with .mp4, .mov, .mkv, .webm or .png, or with a slash for a folder of PNGs, or give null");
    }
  }
  return spec;
}

}  // namespace comfystream::media
