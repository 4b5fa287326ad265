// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/batch_collector.hpp"

#include "comfystream/stream/fake_plan.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

constexpr TimePoint at(int ms) { return TimePoint(std::chrono::milliseconds(1000 + ms)); }
constexpr auto kTen = std::chrono::milliseconds(10);

class BatchCollectorTest : public testing::Test {
 protected:
  TensorCache& add(std::uint32_t id, MaxDelay delay, std::size_t input = 0, std::size_t output = 0) {
    caches_.push_back(
        std::make_unique<TensorCache>(id, StreamOptions{QueuePolicy::kBlock, delay, input, output}, kMaxBatch));
    collector_.add(*caches_.back());
    return *caches_.back();
  }
  static void push(TensorCache& cache, int frames, int ms = 0) {
    for (int i = 0; i < frames; ++i) cache.push(marked_frame(cache.stream_id(), cache.counters().entered), at(ms));
  }
  int decide(bool busy, int ms) { return collector_.decide(kMaxBatch, busy, at(ms)).frames; }

  static constexpr int kMaxBatch = 4;
  std::vector<std::unique_ptr<TensorCache>> caches_;
  BatchCollector collector_;
};

TEST_F(BatchCollectorTest, NothingWaitsNothingRuns) {
  TensorCache& cache = add(0, MaxDelay::fixed({}));
  EXPECT_EQ(decide(false, 0), 0);
  cache.end();
  EXPECT_EQ(decide(false, 0), 0) << "an empty batch never runs";
}

TEST_F(BatchCollectorTest, GreedyRunsWhatWaitsWhenTheDeviceIsFree) {
  push(add(0, MaxDelay::fixed({})), 2);
  EXPECT_EQ(decide(true, 0), 0);
  EXPECT_EQ(decide(false, 0), 2);
}

TEST_F(BatchCollectorTest, FullBatchRunsAheadOfABusyDevice) {
  push(add(0, MaxDelay::fixed({})), 5);
  EXPECT_EQ(decide(true, 0), 4);
}

TEST_F(BatchCollectorTest, ShortBatchWaitsForTheOldestFramesAllowance) {
  TensorCache& cache = add(0, MaxDelay::fixed(kTen));
  push(cache, 1, 0);
  push(cache, 1, 7);
  const auto decision = collector_.decide(kMaxBatch, false, at(9));
  EXPECT_EQ(decision.frames, 0);
  EXPECT_EQ(decision.wake, at(10));
  EXPECT_EQ(decide(false, 10), 2);
  EXPECT_EQ(decide(true, 10), 0);
}

TEST_F(BatchCollectorTest, OfflineWaitsUntilFullOrTheEnd) {
  TensorCache& cache = add(0, MaxDelay::until_full());
  push(cache, 3);
  EXPECT_EQ(collector_.decide(kMaxBatch, false, at(1000000)).frames, 0);
  cache.end();
  EXPECT_EQ(decide(true, 0), 3);
}

TEST_F(BatchCollectorTest, QueueSmallerThanTheBatchRunsWhenItIsFull) {
  TensorCache& cache = add(0, MaxDelay::until_full(), 2, 8);
  push(cache, 1);
  EXPECT_EQ(decide(false, 0), 0);
  push(cache, 1);
  EXPECT_EQ(decide(false, 0), 2);
}

TEST_F(BatchCollectorTest, OutputQueueBoundsTheBatch) {
  TensorCache& cache = add(0, MaxDelay::until_full(), 8, 2);
  push(cache, 8);
  EXPECT_EQ(decide(false, 0), 2);
}

TEST_F(BatchCollectorTest, OfflineWaitsForItsReceiverRatherThanRunShort) {
  TensorCache& cache = add(0, MaxDelay::until_full(), 8, 8);
  push(cache, 8);
  for (int i = 0; i < 6; ++i) {
    TensorCache::Taken taken = cache.take(at(0));
    (void)cache.finish(taken.ticket, FrameOutcome::kDone, std::move(taken.frame), {}, at(0));
  }
  push(cache, 6);
  EXPECT_EQ(cache.ready(), 2U);
  EXPECT_EQ(decide(false, 0), 0);
  (void)cache.pop(at(0));
  (void)cache.pop(at(0));
  EXPECT_EQ(decide(false, 0), 4);
}

TEST_F(BatchCollectorTest, EndedStreamDoesNotWaitForAnIdleOne) {
  TensorCache& ended = add(0, MaxDelay::until_full());
  add(1, MaxDelay::until_full());
  push(ended, 1);
  EXPECT_EQ(decide(false, 0), 0);
  ended.end();
  EXPECT_EQ(decide(false, 0), 1);
}

TEST_F(BatchCollectorTest, StreamsTakeTurns) {
  TensorCache& a = add(0, MaxDelay::fixed({}));
  TensorCache& b = add(1, MaxDelay::fixed({}));
  TensorCache& c = add(2, MaxDelay::fixed({}));
  push(a, 6);
  push(b, 1);
  push(c, 2);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> order;
  for (int i = 0; i < 7; ++i) {
    TensorCache& cache = collector_.next_stream();
    order.emplace_back(cache.stream_id(), cache.take(at(0)).frame.id);
  }
  EXPECT_EQ(order, (std::vector<std::pair<std::uint32_t, std::uint64_t>>{
                       {0, 0}, {1, 0}, {2, 0}, {0, 1}, {2, 1}, {0, 2}, {0, 3}}));
}

TEST_F(BatchCollectorTest, TurnSurvivesTheRemovalOfAStream) {
  TensorCache& a = add(0, MaxDelay::fixed({}));
  TensorCache& b = add(1, MaxDelay::fixed({}));
  push(a, 3);
  push(b, 3);
  (void)collector_.next_stream().take(at(0));
  collector_.remove(a);
  EXPECT_EQ(&collector_.next_stream(), &b);
  collector_.remove(b);
  EXPECT_EQ(decide(false, 0), 0);
}

}  // namespace
}  // namespace comfystream::stream
