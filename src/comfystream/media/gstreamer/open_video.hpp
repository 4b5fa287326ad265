// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/sink.hpp"
#include "comfystream/media/source.hpp"
#include "comfystream/media/spec.hpp"

#include <memory>

namespace comfystream::media::gstreamer {

/// Opens a camera, a URI or a video file. Throws Error as open_source() does.
[[nodiscard]] std::unique_ptr<FrameSource> open_video_source(const SourceSpec& spec, const SourceOptions& options);

/// Opens a video file for writing. Throws Error as open_sink() does.
[[nodiscard]] std::unique_ptr<FrameSink> open_video_sink(const SinkSpec& spec, const SinkOptions& options);

}  // namespace comfystream::media::gstreamer
