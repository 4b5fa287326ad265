// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "comfystream/media/source.hpp"

namespace comfystream::media::gstreamer {

/// What a medium says of itself before it is played.
struct MediaFacts {
  int width = 0;
  int height = 0;
  std::optional<FrameRate> rate;
  std::optional<Pts> duration;
  bool has_audio = false;
  std::string video_codec;  ///< for a person
  std::string audio_codec;
};

/// Looks into a file or an http URI. Throws Error when it is no medium, has no picture (sound only), lacks its index, or
/// when a decoder is missing. `name` is what messages call it.
[[nodiscard]] MediaFacts discover(const std::string& uri, const std::string& name);

}  // namespace comfystream::media::gstreamer
