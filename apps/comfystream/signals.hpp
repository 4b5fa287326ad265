// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace comfystream::app {

/// Ctrl-C and SIGTERM as calls on a thread of its own, so that what they do need not be safe in a signal handler.
/// Blocks both signals in the thread that makes it and in all threads that are started afterwards: make it first.
class Signals {
 public:
  /// `on_signal` gets 1 for the first signal, 2 for the second, ... The third ends the process as if unhandled.
  explicit Signals(std::function<void(int count)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] bool received() const noexcept { return count_.load() > 0; }

 private:
  void wait_for_signals();

  std::function<void(int)> on_signal_;
  std::atomic<int> count_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace comfystream::app
