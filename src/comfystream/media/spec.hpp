// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace comfystream::media {

enum class SourceKind : std::uint8_t { kTestPattern, kCamera, kUri, kFolder, kGlob, kStillImage, kVideoFile };
enum class SinkKind : std::uint8_t { kNull, kFolder, kPng, kVideoFile };

/// What an --input or --output means.
struct SourceSpec {
  SourceKind kind = SourceKind::kVideoFile;
  std::string target;  ///< without the prefix: the pattern's text, the device, the URI, the path
};
struct SinkSpec {
  SinkKind kind = SinkKind::kNull;
  std::string target;
  bool lossless = false;  ///< the text ended in "?lossless"
};

/// `testpattern:...`, `camera:` (the first one), `camera:/dev/video1`, `camera:1`, or `camera:` and a source as
/// GStreamer describes it (`camera:libcamerasrc ! video/x-raw,width=1280`), a URI (rtsp://, http://, https://,
/// file://), a folder, a glob, a still image or a video file. Looks at the disk to tell them apart. Throws Error when
/// the file is missing or empty.
[[nodiscard]] SourceSpec parse_source(const std::string& text);

/// `null`, a folder (ends with a slash or exists), a .png, or a video file (.mp4, .m4v, .mov, .webm, .mkv), with
/// "?lossless" at the end where every byte must be kept. Throws Error for other names.
[[nodiscard]] SinkSpec parse_sink(const std::string& text);

/// Lower-case extension with its dot, empty without one.
[[nodiscard]] std::string extension_of(const std::string& path);

}  // namespace comfystream::media
