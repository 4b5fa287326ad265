// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace comfystream::app {

/// "120/240 frames  31.2 FPS  4 s left"; without a total "120 frames  31.2 FPS".
[[nodiscard]] std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total, double fps);

/// A line on a terminal that follows a run. Silent when standard error is no terminal or `quiet`.
class Progress {
 public:
  Progress(std::optional<std::uint64_t> total, bool quiet);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Draws at most ten times a second.
  void update(std::uint64_t done);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<std::uint64_t> total_;
  bool enabled_;
  bool drawn_ = false;
  std::optional<Clock::time_point> begin_;  ///< the first frame's exit: start-up is no part of the speed
  std::uint64_t first_ = 0;
  Clock::time_point last_draw_{};
};

}  // namespace comfystream::app
