// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/frame.hpp"
#include "comfystream/media/source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace comfystream::media {

struct SinkOptions {
  int width = 0;  ///< of every picture that will be written
  int height = 0;
  std::optional<FrameRate> rate;      ///< the source's, where it has one: lets a container keep times exactly
  std::shared_ptr<AudioTrack> audio;  ///< the source's sound, or none
  bool lossless = false;              ///< every byte kept; for .mkv, folders and .png
  int quality = 18;                   ///< of lossy video: 0 (best) to 51, as x264's crf
};

/// Where finished frames go. One thread at a time. Failures are values; a sink that failed keeps failing with the same.
class FrameSink {
 public:
  FrameSink() = default;
  /// Without finish() before it, does what finish() does and drops its error.
  virtual ~FrameSink() = default;
  FrameSink(const FrameSink&) = delete;
  FrameSink& operator=(const FrameSink&) = delete;
  FrameSink(FrameSink&&) = delete;
  FrameSink& operator=(FrameSink&&) = delete;

  /// Takes a picture, of the size of the options, that is shown at `pts` (never before the one before it). Waits while
  /// the encoder is behind.
  [[nodiscard]] virtual std::optional<Error> write(const Picture& picture, Pts pts, std::uint64_t id) = 0;

  /// Completes the output: after it the file can be played, also after an early end or an error. May be called again.
  [[nodiscard]] virtual std::optional<Error> finish() = 0;

  /// What a person should know of how the output is made: "sound transcoded to AAC". Complete after finish().
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }

 protected:
  /// kInvalidArgument when the picture has another size than the options said.
  [[nodiscard]] static std::optional<Error> check_size(const Picture& picture, int width, int height);
};

}  // namespace comfystream::media
