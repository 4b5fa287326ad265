// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/gstreamer/encoded_audio.hpp"
#include "comfystream/media/sink.hpp"
#include "comfystream/media/spec.hpp"

#include <string>
#include <vector>

namespace comfystream::media::gstreamer {

/// How a video file will be made.
struct EncodePlan {
  /// GStreamer's description of the pipeline. Its elements: appsrc `pictures`, appsrc `sound` where there is sound,
  /// `mux`, filesink `file`.
  std::string launch;
  std::vector<std::string> elements;  ///< that must be installed
  std::string caps;                   ///< of the pictures pushed: I420 or Y444 in BT.709, limited range, or RGB
  int ticks_per_second = 0;           ///< of the times of pictures in the file
  bool is_mp4 = false;                ///< mp4 and mov: an index is written at the end
  std::vector<std::string> notes;     ///< what a person should know of it
};

/// Which codecs, which times. H.264 without B-frames (so that pictures are stored in the order of their times) in mp4,
/// mov and mkv, VP9 in webm, FFV1 in RGB where nothing may be lost; sound passed through where the container takes its
/// codec. Throws Error for what a container cannot hold. `sound` may be null.
[[nodiscard]] EncodePlan plan_encoding(const SinkSpec& spec, const SinkOptions& options, const EncodedAudio* sound);

/// Ticks a second in which times of `rate` are whole numbers, and milliseconds too where that can be had: for mp4.
[[nodiscard]] int mp4_ticks_per_second(const std::optional<FrameRate>& rate);

}  // namespace comfystream::media::gstreamer
