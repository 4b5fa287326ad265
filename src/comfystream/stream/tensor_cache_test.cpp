// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/tensor_cache.hpp"

#include "comfystream/error.hpp"
#include "comfystream/stream/fake_plan.hpp"

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

constexpr TimePoint at(int ms) { return TimePoint(std::chrono::milliseconds(1000 + ms)); }

StreamOptions options(QueuePolicy policy, std::size_t input = 2, std::size_t output = 2) {
  return {.policy = policy, .max_delay = MaxDelay::fixed({}), .input_capacity = input, .output_capacity = output};
}

/// Runs the next frame to its end.
void run_one(TensorCache& cache, TimePoint now = at(0)) {
  TensorCache::Taken taken = cache.take(now);
  const Picture evicted = cache.finish(taken.ticket, FrameOutcome::kDone, std::move(taken.frame), {}, now);
}

std::vector<std::pair<std::uint64_t, FrameOutcome>> drain(TensorCache& cache) {
  std::vector<std::pair<std::uint64_t, FrameOutcome>> left;
  while (auto exit = cache.pop(at(0))) left.emplace_back(exit->result.frame.id, exit->result.outcome);
  return left;
}

using Left = std::vector<std::pair<std::uint64_t, FrameOutcome>>;

TEST(TensorCache, CapacityIsTwiceTheLargestBatchUnlessAskedFor) {
  TensorCache cache(0, {}, 4);
  EXPECT_EQ(cache.input_capacity(), 8U);
  EXPECT_EQ(cache.output_capacity(), 8U);
  cache.set_largest_batch(6);
  EXPECT_EQ(cache.input_capacity(), 12U);
  cache.set_largest_batch(1);
  EXPECT_EQ(cache.input_capacity(), 12U) << "never shrinks";
  EXPECT_EQ(TensorCache(0, options(QueuePolicy::kBlock, 3, 5), 4).output_capacity(), 5U);
  EXPECT_THROW(TensorCache(0, options(QueuePolicy::kBlock, 1, 2), 4), Error);
  EXPECT_THROW(TensorCache(0, options(QueuePolicy::kBlock, 2, 1), 4), Error);
}

TEST(TensorCache, DropOldestLosesTheFrameThatWaitedLongest) {
  TensorCache cache(0, options(QueuePolicy::kDropOldest), 1);
  for (std::uint64_t id = 0; id < 3; ++id)
    EXPECT_EQ(cache.push(marked_frame(0, id), at(0)).status, SubmitStatus::kAccepted);
  EXPECT_EQ(cache.waiting(), 2U);
  run_one(cache);
  run_one(cache);
  EXPECT_EQ(drain(cache), (Left{{0, FrameOutcome::kDropped}, {1, FrameOutcome::kDone}, {2, FrameOutcome::kDone}}));
  EXPECT_EQ(cache.counters().dropped, 1U);
}

TEST(TensorCache, DropNewestLosesTheFrameThatComes) {
  TensorCache cache(0, options(QueuePolicy::kDropNewest), 1);
  cache.push(marked_frame(0, 0), at(0));
  cache.push(marked_frame(0, 1), at(0));
  EXPECT_EQ(cache.push(marked_frame(0, 2), at(0)).status, SubmitStatus::kDropped);
  EXPECT_FALSE(cache.has_result()) << "its turn comes after the frames before it";
  run_one(cache);
  run_one(cache);
  EXPECT_EQ(drain(cache), (Left{{0, FrameOutcome::kDone}, {1, FrameOutcome::kDone}, {2, FrameOutcome::kDropped}}));
}

TEST(TensorCache, DroppedFramesNameThePolicyAndKeepIdAndPts) {
  TensorCache cache(7, options(QueuePolicy::kDropOldest), 1);
  for (std::uint64_t id = 0; id < 3; ++id) cache.push(marked_frame(7, id), at(0));
  const auto exit = cache.pop(at(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->result.reason, "drop_oldest");
  EXPECT_EQ(exit->result.frame.pts, Pts(0));
  EXPECT_EQ(exit->result.frame.stream_id, 7U);
  EXPECT_TRUE(exit->result.frame.picture.empty());
}

TEST(TensorCache, BlockRefusesAndLeavesTheFrameWithItsSender) {
  TensorCache cache(0, options(QueuePolicy::kBlock), 1);
  cache.push(marked_frame(0, 0), at(0));
  cache.push(marked_frame(0, 1), at(0));
  EXPECT_FALSE(cache.has_room());
  Frame frame = marked_frame(0, 2);
  EXPECT_EQ(cache.push(std::move(frame), at(0)).status, SubmitStatus::kRefused);
  // NOLINTNEXTLINE(bugprone-use-after-move): what is refused stays with its sender
  EXPECT_FALSE(frame.picture.empty());
  EXPECT_EQ(cache.counters().entered, 2U);
  EXPECT_EQ(cache.counters().refused, 1U);
}

TEST(TensorCache, OutputQueueHoldsBackUnlessThePolicyIsDropOldest) {
  for (const QueuePolicy policy : {QueuePolicy::kBlock, QueuePolicy::kDropNewest}) {
    TensorCache cache(0, options(policy, 4, 2), 1);
    for (std::uint64_t id = 0; id < 4; ++id) cache.push(marked_frame(0, id), at(0));
    EXPECT_EQ(cache.ready(), 2U);
    run_one(cache);
    run_one(cache);
    EXPECT_EQ(cache.ready(), 0U);
    EXPECT_TRUE(cache.pop(at(0)));
    EXPECT_EQ(cache.ready(), 1U);
  }
  TensorCache live(0, options(QueuePolicy::kDropOldest, 4, 2), 1);
  for (std::uint64_t id = 0; id < 3; ++id) {
    live.push(marked_frame(0, id), at(0));
    run_one(live);
  }
  EXPECT_EQ(drain(live), (Left{{0, FrameOutcome::kDropped}, {1, FrameOutcome::kDone}, {2, FrameOutcome::kDone}}));
}

TEST(TensorCache, ResultsLeaveInOrderThoughTheyFinishOutOfOrder) {
  TensorCache cache(0, options(QueuePolicy::kBlock), 2);
  cache.push(marked_frame(0, 0), at(0));
  cache.push(marked_frame(0, 1), at(0));
  TensorCache::Taken first = cache.take(at(0));
  TensorCache::Taken second = cache.take(at(0));
  (void)cache.finish(second.ticket, FrameOutcome::kDone, std::move(second.frame), {}, at(0));
  EXPECT_FALSE(cache.pop(at(0)));
  (void)cache.finish(first.ticket, FrameOutcome::kFailed, std::move(first.frame), "broken", at(0));
  EXPECT_EQ(drain(cache), (Left{{0, FrameOutcome::kFailed}, {1, FrameOutcome::kDone}}));
}

TEST(TensorCache, FlushTakesWhatWaitsAndLeavesWhatRuns) {
  TensorCache cache(0, options(QueuePolicy::kBlock, 4, 4), 1);
  for (std::uint64_t id = 0; id < 3; ++id) cache.push(marked_frame(0, id), at(0));
  TensorCache::Taken running = cache.take(at(0));
  EXPECT_EQ(cache.flush(at(0)), 2U);
  EXPECT_EQ(cache.flush(at(0)), 0U);
  EXPECT_EQ(cache.running(), 1U);
  cache.push(marked_frame(0, 3), at(0));
  (void)cache.finish(running.ticket, FrameOutcome::kDone, std::move(running.frame), {}, at(0));
  run_one(cache);
  EXPECT_EQ(drain(cache), (Left{{0, FrameOutcome::kDone},
                                {1, FrameOutcome::kFlushed},
                                {2, FrameOutcome::kFlushed},
                                {3, FrameOutcome::kDone}}));
}

TEST(TensorCache, NothingEntersAfterTheEnd) {
  TensorCache cache(0, {}, 1);
  cache.end();
  EXPECT_EQ(cache.push(marked_frame(0, 0), at(0)).status, SubmitStatus::kClosed);
  EXPECT_TRUE(cache.drained());
}

TEST(TensorCache, ResultsNobodyTakesAreBounded) {
  for (const QueuePolicy policy : {QueuePolicy::kDropOldest, QueuePolicy::kDropNewest, QueuePolicy::kBlock}) {
    TensorCache cache(0, options(policy), 1);
    for (std::uint64_t id = 0; id < 100000; ++id) {
      cache.push(marked_frame(0, id), at(0));
      if (policy == QueuePolicy::kBlock) cache.flush(at(0));
    }
    EXPECT_LT(cache.counters().entered, 1000U);
    EXPECT_EQ(cache.counters().entered + cache.counters().refused, 100000U);
  }
}

TEST(TensorCache, DeadlineIsTheOldestFramesAllowance) {
  StreamOptions fixed = options(QueuePolicy::kBlock, 4, 4);
  fixed.max_delay = MaxDelay::fixed(std::chrono::milliseconds(10));
  TensorCache cache(0, fixed, 2);
  EXPECT_EQ(cache.deadline(), TimePoint::max());
  cache.push(marked_frame(0, 0), at(5));
  cache.push(marked_frame(0, 1), at(9));
  EXPECT_EQ(cache.deadline(), at(15));
  run_one(cache);
  EXPECT_EQ(cache.deadline(), at(19));
  cache.end();
  EXPECT_EQ(cache.deadline(), TimePoint::min()) << "no company will come";
}

TEST(TensorCache, HugeAllowanceDoesNotOverflow) {
  StreamOptions patient = options(QueuePolicy::kBlock);
  patient.max_delay = MaxDelay::fixed(Duration::max());
  TensorCache cache(0, patient, 2);
  cache.push(marked_frame(0, 0), at(5));
  EXPECT_EQ(cache.deadline(), TimePoint::max());
}

TEST(TensorCache, LiveAllowanceIsHalfTheMeasuredInterval) {
  StreamOptions live = options(QueuePolicy::kDropOldest, 2, 2);
  live.max_delay = MaxDelay::half_interval();
  TensorCache cache(0, live, 2);
  cache.push(marked_frame(0, 0), at(0));
  EXPECT_EQ(cache.deadline(), at(0)) << "nothing measured yet: greedy";
  for (int i = 1; i < 50; ++i) {
    run_one(cache);
    (void)cache.pop(at(0));
    cache.push(marked_frame(0, static_cast<std::uint64_t>(i)), at(40 * i));
  }
  EXPECT_EQ(cache.deadline(), at(40 * 49 + 20));
  run_one(cache);
  cache.push(marked_frame(0, 50), at(40 * 50 + 10000));
  EXPECT_LT(cache.deadline(), at(40 * 50 + 10000 + 30)) << "a pause is not an interval";
}

TEST(TensorCache, QueuePoliciesHaveNames) {
  EXPECT_EQ(parse_queue_policy("drop_newest"), QueuePolicy::kDropNewest);
  EXPECT_THROW((void)parse_queue_policy("drop"), Error);
}

}  // namespace
}  // namespace comfystream::stream
