// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/sink.hpp"
#include "comfystream/media/source.hpp"

#include <memory>
#include <string>

namespace comfystream::media {

/// Whether this build reads and writes videos, cameras and URIs (the GStreamer component).
[[nodiscard]] bool has_video() noexcept;

/// Opens what `spec` says (spec.hpp lists the forms). Throws Error: not found, not media, no picture in it, a decoder
/// is missing (with the package that has it), or kUnsupported where this build has no video.
[[nodiscard]] std::unique_ptr<FrameSource> open_source(const std::string& spec, const SourceOptions& options);

/// The same for outputs. options.width and height must be set. Existing files are replaced.
[[nodiscard]] std::unique_ptr<FrameSink> open_sink(const std::string& spec, const SinkOptions& options);

/// Whether the output can carry sound, so that the source need not fetch it in vain.
[[nodiscard]] bool sink_takes_audio(const std::string& spec);

/// Throws Error when writing `sink` would destroy what `source` reads.
void check_distinct(const std::string& source, const std::string& sink);

}  // namespace comfystream::media
