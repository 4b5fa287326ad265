// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/bounded_queue.hpp"

#include <deque>
#include <memory>
#include <random>

#include <gtest/gtest.h>

namespace comfystream {
namespace {

TEST(BoundedQueue, StartsEmptyAndFillsToItsCapacity) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.capacity(), 2U);
  queue.push(1);
  EXPECT_FALSE(queue.empty());
  EXPECT_FALSE(queue.full());
  EXPECT_EQ(queue.push(2), 2);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.front(), 1);
}

TEST(BoundedQueue, AQueueOfNoElementsIsBothEmptyAndFull) {
  const BoundedQueue<int> queue(0);
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.full());
}

TEST(BoundedQueue, MovesWhatItHolds) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  queue.push(std::make_unique<int>(7));
  EXPECT_EQ(*queue.pop(), 7);
  EXPECT_TRUE(queue.empty());
}

TEST(BoundedQueue, KeepsNothingOfWhatWasPopped) {
  BoundedQueue<std::shared_ptr<int>> queue(3);
  const auto item = std::make_shared<int>(1);
  queue.push(item);
  (void)queue.pop();
  EXPECT_EQ(item.use_count(), 1);
}

TEST(BoundedQueue, ReserveKeepsOrderAcrossTheWrap) {
  BoundedQueue<int> queue(3);
  for (const int value : {1, 2, 3}) queue.push(value);
  (void)queue.pop();
  queue.push(4);
  queue.reserve(2);
  EXPECT_EQ(queue.capacity(), 3U);
  queue.reserve(5);
  EXPECT_EQ(queue.capacity(), 5U);
  queue.push(5);
  for (const int value : {2, 3, 4, 5}) EXPECT_EQ(queue.pop(), value);
}

TEST(BoundedQueue, AgreesWithADequeUnderRandomUse) {
  std::minstd_rand engine(3);
  BoundedQueue<int> queue(4);
  std::deque<int> expected;
  for (int step = 0; step < 10'000; ++step) {
    const auto choice = engine() % 5;
    if (choice < 2 && !queue.full()) {
      queue.push(step);
      expected.push_back(step);
    } else if (choice < 4 && !queue.empty()) {
      ASSERT_EQ(queue.pop(), expected.front());
      expected.pop_front();
    } else if (engine() % 1000 == 0) {
      queue.reserve(queue.capacity() + 1);
    }
    ASSERT_EQ(queue.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(std::as_const(queue)[i], expected[i]);
  }
  EXPECT_GT(queue.capacity(), 4U);
}

}  // namespace
}  // namespace comfystream
