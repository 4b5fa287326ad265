// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace comfystream {

using Duration = std::chrono::nanoseconds;
/// Monotonic time since an arbitrary origin. Never wall-clock time.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Source of time and of timed waiting, so that tests can move time by hand. All members may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;

  /// Waits on `condition` until `ready()` holds or `deadline` has come; returns `ready()`. `lock` is held at entry, at
  /// exit and whenever `ready` runs. Without a deadline pass TimePoint::max().
  virtual bool wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, TimePoint deadline,
                          const std::function<bool()>& ready) = 0;
};

/// Real time.
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override;
  bool wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, TimePoint deadline,
                  const std::function<bool()>& ready) override;
};

}  // namespace comfystream
