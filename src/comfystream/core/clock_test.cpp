// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/clock.hpp"

#include "comfystream/core/manual_clock.hpp"

#include <future>

#include <gtest/gtest.h>

namespace comfystream {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{};

/// A thread that waits on a clock of its own.
struct Waiting {
  ManualClock clock;
  std::mutex mutex;
  std::condition_variable condition;
  bool ready = false;

  std::future<bool> wait(TimePoint deadline) {
    return std::async(std::launch::async, [this, deadline] {
      std::unique_lock lock(mutex);
      return clock.wait_until(condition, lock, deadline, [this] { return ready; });
    });
  }
  void set_ready() {
    {
      const std::lock_guard lock(mutex);
      ready = true;
    }
    condition.notify_all();
  }
};

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  EXPECT_EQ(clock.now(), kStart);
  clock.advance(3ms);
  clock.advance(4ms);
  EXPECT_EQ(clock.now(), kStart + 7ms);
}

TEST(ManualClock, WaitsUntilTheDeadlineIsReached) {
  Waiting waiting;
  auto result = waiting.wait(kStart + 10ms);
  waiting.clock.await_waiter(kStart + 10ms);
  waiting.clock.advance(9ms);
  EXPECT_EQ(result.wait_for(0s), std::future_status::timeout);
  waiting.clock.advance(1ms);
  EXPECT_FALSE(result.get());
}

TEST(ManualClock, WakesWhenReadyWithoutTimeMoving) {
  Waiting waiting;
  auto result = waiting.wait(TimePoint::max());
  waiting.clock.await_waiter(TimePoint::max());
  waiting.set_ready();
  EXPECT_TRUE(result.get());
  EXPECT_EQ(waiting.clock.now(), kStart);
}

TEST(ManualClock, DoesNotWaitWhenReadyOrLate) {
  Waiting waiting;
  waiting.clock.advance(5ms);
  EXPECT_FALSE(waiting.wait(kStart + 5ms).get());
  waiting.ready = true;
  EXPECT_TRUE(waiting.wait(kStart + 100ms).get());
  EXPECT_TRUE(waiting.wait(kStart).get());
}

TEST(ManualClock, CountsWaitersByDeadline) {
  Waiting waiting;
  auto first = waiting.wait(kStart + 1ms);
  auto second = waiting.wait(kStart + 1ms);
  auto third = waiting.wait(kStart + 2ms);
  waiting.clock.await_waiter(kStart + 1ms, 2);
  waiting.clock.await_waiter(kStart + 2ms, 1);
  waiting.clock.advance(1ms);
  EXPECT_FALSE(first.get());
  EXPECT_FALSE(second.get());
  waiting.clock.await_waiter(kStart + 2ms, 1);
  waiting.clock.advance(1ms);
  EXPECT_FALSE(third.get());
}

TEST(SteadyClock, NeverRunsBackwards) {
  const SteadyClock clock;
  const auto before = clock.now();
  EXPECT_LE(before, clock.now());
}

TEST(SteadyClock, ReturnsWhetherItIsReady) {
  SteadyClock clock;
  std::mutex mutex;
  std::condition_variable condition;
  std::unique_lock lock(mutex);
  EXPECT_FALSE(clock.wait_until(condition, lock, clock.now(), [] { return false; }));
  EXPECT_TRUE(clock.wait_until(condition, lock, clock.now(), [] { return true; }));
  EXPECT_TRUE(clock.wait_until(condition, lock, TimePoint::max(), [] { return true; }));
  EXPECT_TRUE(lock.owns_lock());
}

}  // namespace
}  // namespace comfystream
