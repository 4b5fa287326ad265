// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"
#include "comfystream/media/sink.hpp"
#include "comfystream/media/source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace comfystream::media::testing {

/// What was read of one frame.
struct SeenFrame {
  std::uint64_t id = 0;
  Pts pts{0};
  int mark = -1;  ///< the number drawn into the picture, -1 where there is none
};

struct SeenClip {
  SourceInfo info;
  std::vector<SeenFrame> frames;
  ReadStatus status = ReadStatus::kEnd;
  std::vector<std::string> notes;
};

/// A moving gradient with `number` drawn into its corner.
[[nodiscard]] Picture marked_picture(int width, int height, std::uint64_t number);

/// When frame 0, 1, ... of a steady stream are shown.
[[nodiscard]] std::vector<Pts> steady(std::size_t frames, FrameRate rate);
/// Times with gaps of one to four milliseconds-rounded frames, the same on every machine.
[[nodiscard]] std::vector<Pts> unsteady(std::size_t frames);

/// Writes a marked picture for each time; fails the test where that fails. Gives the sink's notes.
std::vector<std::string> write_clip(const std::string& spec, int width, int height, const std::vector<Pts>& times,
                                    std::optional<FrameRate> rate = std::nullopt);

/// Reads all that there is.
[[nodiscard]] SeenClip read_clip(const std::string& spec, const SourceOptions& options = {});

/// Reads `from` with its sound and writes it to `to`, at most `most` frames. Gives the sink's notes.
std::vector<std::string> copy_clip(const std::string& from, const std::string& to, std::uint64_t most = UINT64_MAX);

/// One packet of compressed sound.
struct SeenPacket {
  Pts pts{0};
  std::vector<std::uint8_t> bytes;
  [[nodiscard]] bool operator==(const SeenPacket&) const = default;
};
[[nodiscard]] std::vector<SeenPacket> read_sound(const std::string& spec);
/// For a person: "MPEG-4 AAC".
[[nodiscard]] std::string sound_codec(const std::string& spec);

/// Runs a pipeline in GStreamer's description to its end; fails the test where that fails.
void run_pipeline(const std::string& description);

/// Clips with sound: two seconds of 24 frames a second, 64x48. `muxing` is what comes after pictures and sound:
/// for example {"x264enc", "avenc_aac", "mp4mux"}.
void make_clip_with_sound(const std::string& path, const std::string& video, const std::string& sound,
                          const std::string& mux, int sound_buffers = 94);

/// Frames that are as many as `times`, with ids and marks counting from 0 and times within `tolerance`.
void expect_frames(const SeenClip& clip, const std::vector<Pts>& times, Pts tolerance);

}  // namespace comfystream::media::testing
