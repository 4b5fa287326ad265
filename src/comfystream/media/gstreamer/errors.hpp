// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"

#include <cstdint>
#include <string>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

enum class Direction : std::uint8_t { kReading, kWriting };

/// GStreamer's failure in our words: `subject` (a path, a URI) is what was read or written when it happened.
[[nodiscard]] Error to_error(const GError& failure, Direction direction, const std::string& subject);

/// The error for decoders or encoders that are not installed; `missing` names them for a person.
[[nodiscard]] Error missing_codec(const std::string& missing, const std::string& subject);

}  // namespace comfystream::media::gstreamer
