// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "comfystream/error.hpp"

namespace comfystream::media::gstreamer {

/// GStreamer's failure in our words: `subject` (a path, a URI) is what it happened to.
[[nodiscard]] Error to_error(const GError& failure, const std::string& subject);

/// The first error waiting on the bus, if any. When a decoder is missing, the error names it and the packages to install.
[[nodiscard]] std::optional<Error> take_error(GstBus* bus, const std::string& subject);

/// Waits at most `timeout` for the end of the stream or an error. True at the end; false when neither came; the error
/// goes to `*error`.
[[nodiscard]] bool wait_for_end(GstBus* bus, GstClockTime timeout, const std::string& subject,
                                std::optional<Error>* error);

}  // namespace comfystream::media::gstreamer
