// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/media/gstreamer/handles.hpp"

#include <mutex>
#include <optional>
#include <string>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

/// Hears the errors of demuxers before decodebin does. While it links an element, decodebin keeps that element's errors
/// to itself, so that it can try another; a demuxer that fails in the very moment in which linking ends is then never
/// heard of (GStreamer 1.22), and the pipeline stands still. Thread-safe.
class ErrorTap {
 public:
  /// `subject` is what is read. Listens to what is added to `pipeline` from here on; outlives it.
  ErrorTap(GstElement* pipeline, std::string subject);
  ~ErrorTap() = default;
  ErrorTap(const ErrorTap&) = delete;
  ErrorTap& operator=(const ErrorTap&) = delete;
  ErrorTap(ErrorTap&&) = delete;
  ErrorTap& operator=(ErrorTap&&) = delete;

  /// The first error of a demuxer. It may have been handled: it counts only when nothing else happens any more.
  [[nodiscard]] std::optional<Error> heard() const;

 private:
  void listen(GstElement* element);
  void take(GstMessage* message);

  std::string subject_;
  mutable std::mutex mutex_;
  std::optional<Error> heard_;
};

}  // namespace comfystream::media::gstreamer
