// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/comfystream/exit_code.hpp"
#include "comfystream/client.hpp"
#include "comfystream/media/sink.hpp"
#include "comfystream/media/source.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace comfystream::app {

class Progress;

/// One pass of a source through a running client into a sink: one thread reads and submits, the calling one receives
/// and writes. Ends when the source does, at `frames`, after interrupt(), or at the first failure.
class VideoRun {
 public:
  VideoRun(Client& client, media::FrameSource& source, media::FrameSink& sink, std::uint64_t frames);

  /// Returns when every frame that entered has left. The sink is not finished yet.
  void run(Progress& progress);
  /// Any thread. First: no more frames are read, those inside are finished. Second: those that wait are flushed.
  void interrupt(int count);

  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  [[nodiscard]] std::uint64_t read() const noexcept { return read_; }
  /// Frames of a live source that were not taken because results waited.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }
  /// When the first frame was written.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> first_written() const noexcept {
    return first_written_;
  }
  /// Copies of the first pictures that were read, for a measurement afterwards.
  [[nodiscard]] std::vector<Picture>& samples() noexcept { return samples_; }

 private:
  void read_all();
  void take(const FrameResult& result);
  void fail(Error error);

  Client* client_;
  media::FrameSource* source_;
  media::FrameSink* sink_;
  std::uint64_t frames_;
  std::atomic<std::uint64_t> read_{0};
  std::uint64_t refused_ = 0;
  std::uint64_t written_ = 0;
  std::vector<Picture> samples_;
  std::optional<std::chrono::steady_clock::time_point> first_written_;
  std::optional<Error> failure_;
};

}  // namespace comfystream::app
