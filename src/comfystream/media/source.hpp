// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/frame.hpp"
#include "comfystream/media/fit.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace comfystream::media {

struct FrameRate {
  int numerator = 0;    ///< frames
  int denominator = 1;  ///< seconds
  [[nodiscard]] bool operator==(const FrameRate&) const = default;
};

/// When frame `index` of a steady stream is shown, rounded to the nearest nanosecond, without drift. Precondition:
/// numerator and denominator are positive and their product is at most 10^10.
[[nodiscard]] Pts pts_of(std::uint64_t index, FrameRate rate) noexcept;

struct SourceInfo {
  int width = 0;  ///< of the frames that read() gives
  int height = 0;
  int source_width = 0;  ///< of the medium itself; 0 where it is not known before the first frame
  int source_height = 0;
  std::optional<FrameRate> rate;             ///< where frames come at a steady rate, or the medium says so
  bool live = false;                         ///< frames come when they come, and those not fetched in time are lost
  std::optional<std::uint64_t> frame_count;  ///< for progress and planning; of videos an estimate
  std::optional<Pts> duration;
  bool has_audio = false;
  std::string description;  ///< for a person: "clip.mp4: 512x512 H.264, 24 fps, 5.0 s, AAC"
};

/// The compressed sound of a source on its way to a sink of the same component, which puts it beside the pictures.
class AudioTrack {
 public:
  AudioTrack() = default;
  virtual ~AudioTrack() = default;
  AudioTrack(const AudioTrack&) = delete;
  AudioTrack& operator=(const AudioTrack&) = delete;
  AudioTrack(AudioTrack&&) = delete;
  AudioTrack& operator=(AudioTrack&&) = delete;
  [[nodiscard]] virtual std::string description() const = 0;
};

struct SourceOptions {
  int width = 0;  ///< both 0: the medium's own size (of a folder: its first picture's)
  int height = 0;
  FitMode fit = FitMode::kCover;
  FrameRate still_rate{24, 1};  ///< of folders and globs without an index of times
  std::uint32_t stream_id = 0;
  bool audio = false;      ///< fetch the sound too; only when a sink will take it
  std::stop_token stop{};  ///< ends the opening, which then throws kCancelled; open sources have stop()
};

enum class ReadStatus : std::uint8_t {
  kFrame,    ///< a frame was given
  kEnd,      ///< the medium is at its end
  kStopped,  ///< stop() was called
  kError,    ///< reading failed: error() says why. Frames before it are sound
};

/// Where frames come from. One thread reads; stop() may come from any other, and from a signal handler.
class FrameSource {
 public:
  FrameSource() = default;
  virtual ~FrameSource() = default;
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;
  FrameSource(FrameSource&&) = delete;
  FrameSource& operator=(FrameSource&&) = delete;

  [[nodiscard]] virtual const SourceInfo& info() const noexcept = 0;

  /// Waits for the next frame and gives it: 8-bit RGB, info().width x info().height, ids from 0 on, pts from the
  /// medium, arrival now. After anything but kFrame every further call gives the same again. Throws std::bad_alloc
  /// only.
  [[nodiscard]] virtual ReadStatus read(Frame& frame) = 0;

  /// The next read(), or the one that waits, gives kStopped (within a tenth of a second). Async-signal-safe.
  void stop() noexcept { stopped_.store(true, std::memory_order_relaxed); }

  /// Why read() gave kError.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  /// What a person should know though nothing failed: "ends at 3.4 s of 5.0 s: cut short?". Complete after kEnd.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }
  /// Frames of a live medium that were lost because nobody fetched them in time.
  [[nodiscard]] virtual std::uint64_t dropped() const noexcept { return 0; }
  /// The sound, where there is one and options asked for it. Give it to the sink's options.
  [[nodiscard]] virtual std::shared_ptr<AudioTrack> audio() const { return nullptr; }

 protected:
  [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }
  ReadStatus fail(Error error) {
    error_ = std::move(error);
    return ReadStatus::kError;
  }
  void note(std::string text) { notes_.push_back(std::move(text)); }

 private:
  static_assert(std::atomic<bool>::is_always_lock_free);
  std::atomic<bool> stopped_{false};
  std::optional<Error> error_;
  std::vector<std::string> notes_;
};

}  // namespace comfystream::media
