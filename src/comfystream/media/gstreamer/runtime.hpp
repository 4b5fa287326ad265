// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace comfystream::media::gstreamer {

/// Starts GStreamer for this process; calls after the first do nothing. Throws Error when it cannot start.
void start();

/// Throws Error unless the element exists, with the packages to install.
void require_element(const char* name);
[[nodiscard]] bool has_element(const char* name) noexcept;

}  // namespace comfystream::media::gstreamer
