// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/client.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::python {

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

/// Log lines on their way from the core's threads, which never wait for Python, to a Python thread that hands them to
/// logging. Bounded: the oldest lines go when nobody takes them. Any thread.
class LogQueue {
 public:
  void push(LogLevel level, std::string_view text);
  /// What there is, waiting up to `timeout` for the first line. Nothing once closed and empty.
  [[nodiscard]] std::optional<std::vector<LogLine>> take(std::chrono::milliseconds timeout);
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LogLine> lines_;
  bool closed_ = false;
};

}  // namespace comfystream::python
