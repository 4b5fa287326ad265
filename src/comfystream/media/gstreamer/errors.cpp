// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/errors.hpp"

namespace comfystream::media::gstreamer {
namespace {

constexpr const char* kCodecHint =
    "apt-get install gstreamer1.0-libav gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly gstreamer1.0-plugins-bad";

/// Of what is behind an address, the reason often stays with the source: libsoup 3 tells of a refused connection only
/// that the stream failed.
Error unreadable(const GError& failure, const std::string& cannot, const std::string& subject, ErrorCode otherwise) {
  if (subject.find("://") == std::string::npos) return {otherwise, cannot + subject + ": " + failure.message};
  return {ErrorCode::kIo, cannot + subject + ": " + failure.message, "is the address right, and its server up?"};
}

Error resource_error(const GError& failure, const std::string& cannot, const std::string& subject) {
  switch (failure.code) {
    case GST_RESOURCE_ERROR_NOT_FOUND:
      return {ErrorCode::kNotFound, subject + ": not found", failure.message};
    case GST_RESOURCE_ERROR_NOT_AUTHORIZED:
      return {ErrorCode::kIo, subject + ": the server wants a name and password"};
    case GST_RESOURCE_ERROR_BUSY:
      return {ErrorCode::kIo, subject + " is in use by another program"};
    case GST_RESOURCE_ERROR_NO_SPACE_LEFT:
      return {ErrorCode::kIo, cannot + subject + ": no space left on the disk", "make room and run again"};
    case GST_RESOURCE_ERROR_WRITE:
      return {ErrorCode::kIo, cannot + subject + ": " + failure.message,
              "is the disk full, or a limit on file sizes reached?"};
    default:
      return unreadable(failure, cannot, subject, ErrorCode::kIo);
  }
}

Error stream_error(const GError& failure, const std::string& cannot, const std::string& subject) {
  switch (failure.code) {
    case GST_STREAM_ERROR_TYPE_NOT_FOUND:
    case GST_STREAM_ERROR_WRONG_TYPE:
      return {ErrorCode::kCorruptFile, subject + " is not a media file that can be recognised"};
    case GST_STREAM_ERROR_CODEC_NOT_FOUND:
      return missing_codec(failure.message, subject);
    case GST_STREAM_ERROR_DEMUX:
      return {ErrorCode::kCorruptFile, subject + " holds no playable stream: " + failure.message,
              "an mp4 whose recording was cut off has no index: repair it, or record to mkv"};
    case GST_STREAM_ERROR_DECRYPT:
    case GST_STREAM_ERROR_DECRYPT_NOKEY:
      return {ErrorCode::kUnsupported, subject + " is encrypted"};
    case GST_STREAM_ERROR_DECODE:
    case GST_STREAM_ERROR_FORMAT:
      return {ErrorCode::kCorruptFile, cannot + subject + ": " + failure.message};
    default:
      return unreadable(failure, cannot, subject, ErrorCode::kBackend);
  }
}

}  // namespace

Error missing_codec(const std::string& missing, const std::string& subject) {
  return {ErrorCode::kUnsupported, subject + " needs what is not installed: " + missing, kCodecHint};
}

Error to_error(const GError& failure, Direction direction, const std::string& subject) {
  const std::string cannot = direction == Direction::kReading ? "cannot read " : "cannot write ";
  if (failure.domain == GST_RESOURCE_ERROR) return resource_error(failure, cannot, subject);
  if (failure.domain == GST_STREAM_ERROR) return stream_error(failure, cannot, subject);
  if (failure.domain == GST_CORE_ERROR && failure.code == GST_CORE_ERROR_MISSING_PLUGIN) {
    return missing_codec(failure.message, subject);
  }
  return {ErrorCode::kBackend, cannot + subject + ": " + failure.message};
}

}  // namespace comfystream::media::gstreamer
