// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"

#include <string>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

/// GStreamer's failure in our words: `subject` (a path, a URI) is what it happened to.
[[nodiscard]] Error to_error(const GError& failure, const std::string& subject);

/// The error for decoders or encoders that are not installed; `missing` names them for a person.
[[nodiscard]] Error missing_codec(const std::string& missing, const std::string& subject);

}  // namespace comfystream::media::gstreamer
