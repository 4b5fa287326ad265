// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/clock.hpp"

namespace comfystream {

TimePoint SteadyClock::now() const { return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()); }

bool SteadyClock::wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, TimePoint deadline,
                             const std::function<bool()>& ready) {
  if (deadline == TimePoint::max()) {
    condition.wait(lock, ready);
    return true;
  }
  return condition.wait_until(lock, deadline, ready);
}

}  // namespace comfystream
