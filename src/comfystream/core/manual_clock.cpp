// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/manual_clock.hpp"

#include <algorithm>

namespace comfystream {

TimePoint ManualClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

bool ManualClock::wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock, TimePoint deadline,
                             const std::function<bool()>& ready) {
  {
    const std::lock_guard own(mutex_);
    waiters_.push_back({&condition, lock.mutex(), deadline});
    registered_.notify_all();
  }
  while (!ready() && now() < deadline) condition.wait(lock);
  const std::lock_guard own(mutex_);
  const auto mine = std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) {
    return waiter.condition == &condition && waiter.deadline == deadline;
  });
  waiters_.erase(mine);
  return ready();
}

void ManualClock::advance(Duration by) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard own(mutex_);
    now_ += by;
    waiters = waiters_;
  }
  for (const Waiter& waiter : waiters) {
    // Taking the waiter's mutex closes the gap between its look at the time and its wait.
    const std::lock_guard theirs(*waiter.mutex);
    waiter.condition->notify_all();
  }
}

void ManualClock::await_waiter(TimePoint deadline, int count) {
  std::unique_lock own(mutex_);
  registered_.wait(own, [&] {
    return std::count_if(waiters_.begin(), waiters_.end(), [&](const Waiter& w) { return w.deadline == deadline; }) >=
           count;
  });
}

}  // namespace comfystream
