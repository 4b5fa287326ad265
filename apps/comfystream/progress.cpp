// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/progress.hpp"

#include <cstdio>

#include <unistd.h>

namespace comfystream::app {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

std::string left_text(double seconds) {
  char text[32];
  if (seconds >= 90) {
    std::snprintf(text, sizeof text, "  %.0f min left", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "  %.0f s left", seconds);
  }
  return text;
}

}  // namespace

std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total, double fps) {
  std::string text = std::to_string(done);
  if (total) text += "/" + std::to_string(*total);
  char speed[32];
  std::snprintf(speed, sizeof speed, " frames  %.1f FPS", fps);
  text += speed;
  if (total && fps > 0 && *total > done) text += left_text(static_cast<double>(*total - done) / fps);
  return text;
}

Progress::Progress(std::optional<std::uint64_t> total, bool quiet)
    : total_(total), enabled_(!quiet && isatty(STDERR_FILENO) == 1) {}

void Progress::update(std::uint64_t done) {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (!begin_) {
    begin_ = now;
    first_ = done;
  }
  if (now - last_draw_ < kInterval) return;
  last_draw_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - *begin_).count();
  const double fps = seconds > 0 ? static_cast<double>(done - first_) / seconds : 0.0;
  std::fprintf(stderr, "\r\033[K%s", progress_text(done, total_, fps).c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace comfystream::app
