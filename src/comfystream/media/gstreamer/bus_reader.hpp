// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/media/gstreamer/errors.hpp"
#include "comfystream/media/gstreamer/handles.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

/// What a pipeline says of itself, kept. One thread at a time.
class BusReader {
 public:
  /// `subject` (a path, a URI) is what the pipeline reads or writes.
  BusReader(GstElement* pipeline, Direction direction, std::string subject)
      : bus_(gst_element_get_bus(pipeline)), direction_(direction), subject_(std::move(subject)) {}

  /// Takes in what was said, waiting at most `timeout` for an error or the end.
  void read(std::chrono::milliseconds timeout = std::chrono::milliseconds(0));

  /// The first error. Where decoders are missing, it names them and the packages to install.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  /// Every sink got its end of stream.
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }
  /// Codecs that were wanted and are not installed, for a person; empty when none.
  [[nodiscard]] const std::string& missing() const noexcept { return missing_; }
  /// Warnings (damaged data and the like), and the first one's text.
  [[nodiscard]] std::uint64_t warnings() const noexcept { return warnings_; }
  [[nodiscard]] const std::string& first_warning() const noexcept { return first_warning_; }

 private:
  void take(GstMessage* message);

  Handle<GstBus> bus_;
  Direction direction_;
  std::string subject_;
  std::optional<Error> error_;
  bool at_end_ = false;
  std::string missing_;
  std::uint64_t warnings_ = 0;
  std::string first_warning_;
};

}  // namespace comfystream::media::gstreamer
