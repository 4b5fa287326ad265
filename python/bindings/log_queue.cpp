// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/log_queue.hpp"

#include <iterator>

namespace comfystream::python {
namespace {

constexpr std::size_t kMostLines = 4096;

}  // namespace

void LogQueue::push(LogLevel level, std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (lines_.size() == kMostLines) lines_.pop_front();
    lines_.push_back({level, std::string(text)});
  }
  changed_.notify_one();
}

std::optional<std::vector<LogLine>> LogQueue::take(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return closed_ || !lines_.empty(); });
  if (closed_ && lines_.empty()) return std::nullopt;
  std::vector<LogLine> taken(std::make_move_iterator(lines_.begin()), std::make_move_iterator(lines_.end()));
  lines_.clear();
  return taken;
}

void LogQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace comfystream::python
