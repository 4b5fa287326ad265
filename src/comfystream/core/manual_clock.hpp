// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace comfystream {

/// Time that moves only when told to: for tests and for replaying recorded arrivals.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override;
  bool wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, TimePoint deadline,
                  const std::function<bool()>& ready) override;

  /// Moves time on and wakes those whose deadline has come. The caller holds no mutex that a waiter uses, and waiters
  /// outlive the call.
  void advance(Duration by);

  /// Blocks until at least `count` threads wait for exactly `deadline`: lets a test act when the other side has
  /// settled.
  void await_waiter(TimePoint deadline, int count = 1);

 private:
  struct Waiter {
    std::condition_variable* condition;
    std::mutex* mutex;
    TimePoint deadline;
  };

  mutable std::mutex mutex_;
  std::condition_variable registered_;
  TimePoint now_{};
  std::vector<Waiter> waiters_;
};

}  // namespace comfystream
