// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/errors.hpp"

#include <gst/pbutils/missing-plugins.h>

#include "comfystream/media/gstreamer/handles.hpp"

namespace comfystream::media::gstreamer {
namespace {

constexpr const char* kCodecHint = "apt-get install gstreamer1.0-libav gstreamer1.0-plugins-ugly gstreamer1.0-plugins-bad";

Error resource_error(const GError& failure, const std::string& subject) {
  switch (failure.code) {
    case GST_RESOURCE_ERROR_NOT_FOUND: return {ErrorCode::kNotFound, subject + ": not found"};
    case GST_RESOURCE_ERROR_NOT_AUTHORIZED: return {ErrorCode::kIo, subject + ": the server wants a name and password"};
    case GST_RESOURCE_ERROR_BUSY: return {ErrorCode::kIo, subject + " is in use by another program"};
    case GST_RESOURCE_ERROR_NO_SPACE_LEFT:
      return {ErrorCode::kIo, "cannot write " + subject + ": no space left on the disk", "make room and run again"};
    case GST_RESOURCE_ERROR_OPEN_WRITE:
    case GST_RESOURCE_ERROR_WRITE:
      return {ErrorCode::kIo, "cannot write " + subject + ": " + failure.message,
              "is the disk full, or a limit on file sizes reached?"};
    default: return {ErrorCode::kIo, "cannot read " + subject + ": " + failure.message};
  }
}

Error stream_error(const GError& failure, const std::string& subject) {
  switch (failure.code) {
    case GST_STREAM_ERROR_TYPE_NOT_FOUND:
    case GST_STREAM_ERROR_WRONG_TYPE:
      return {ErrorCode::kCorruptFile, subject + " is not a media file that can be recognised"};
    case GST_STREAM_ERROR_CODEC_NOT_FOUND:
      return {ErrorCode::kUnsupported, subject + ": a decoder is missing: " + failure.message, kCodecHint};
    case GST_STREAM_ERROR_DEMUX:
      return {ErrorCode::kCorruptFile, subject + " holds no playable stream: " + failure.message,
              "an mp4 whose recording was cut off has no index; repair it, or record to mkv"};
    case GST_STREAM_ERROR_DECRYPT:
    case GST_STREAM_ERROR_DECRYPT_NOKEY: return {ErrorCode::kUnsupported, subject + " is encrypted"};
    case GST_STREAM_ERROR_ENCODE: return {ErrorCode::kBackend, "encoding " + subject + " failed: " + failure.message};
    default: return {ErrorCode::kCorruptFile, "decoding " + subject + " failed: " + failure.message};
  }
}

/// Collects what a message says of missing plugins.
void note_missing(GstMessage* message, std::string& missing) {
  if (gst_is_missing_plugin_message(message) == FALSE) return;
  if (!missing.empty()) missing += ", ";
  missing += take_text(gst_missing_plugin_message_get_description(message));
}

Error error_of(GstMessage* message, const std::string& subject, const std::string& missing) {
  GError* failure = nullptr;
  gst_message_parse_error(message, &failure, nullptr);
  const ErrorHandle owned(failure);
  if (!missing.empty()) {
    return {ErrorCode::kUnsupported, subject + " needs what is not installed: " + missing, kCodecHint};
  }
  return to_error(*failure, subject);
}

}  // namespace

Error to_error(const GError& failure, const std::string& subject) {
  if (failure.domain == GST_RESOURCE_ERROR) return resource_error(failure, subject);
  if (failure.domain == GST_STREAM_ERROR) return stream_error(failure, subject);
  if (failure.domain == GST_CORE_ERROR && failure.code == GST_CORE_ERROR_MISSING_PLUGIN) {
    return {ErrorCode::kUnsupported, subject + " needs what is not installed: " + failure.message, kCodecHint};
  }
  return {ErrorCode::kBackend, subject + ": " + failure.message};
}

std::optional<Error> take_error(GstBus* bus, const std::string& subject) {
  std::string missing;
  while (const Handle<GstMessage> message{gst_bus_pop_filtered(
      bus, static_cast<GstMessageType>(static_cast<int>(GST_MESSAGE_ERROR) | static_cast<int>(GST_MESSAGE_ELEMENT)))}) {
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) return error_of(message.get(), subject, missing);
    note_missing(message.get(), missing);
  }
  return std::nullopt;
}

bool wait_for_end(GstBus* bus, GstClockTime timeout, const std::string& subject, std::optional<Error>* error) {
  const Handle<GstMessage> message(gst_bus_timed_pop_filtered(
      bus, timeout, static_cast<GstMessageType>(static_cast<int>(GST_MESSAGE_ERROR) | static_cast<int>(GST_MESSAGE_EOS))));
  if (!message) return false;
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) return true;
  *error = error_of(message.get(), subject, {});
  return false;
}

}  // namespace comfystream::media::gstreamer
