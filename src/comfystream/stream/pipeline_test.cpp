// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/pipeline.hpp"

#include "comfystream/core/manual_clock.hpp"
#include "comfystream/error.hpp"
#include "comfystream/stream/fake_plan.hpp"
#include "comfystream/stream/passthrough_plan.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

using namespace std::chrono_literals;

/// A door in the plan: batches wait at it until the test opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void await_arrival(int count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
};

std::shared_ptr<BatchPlan> fake(FakePlanOptions options = {}) { return std::make_shared<FakePlan>(std::move(options)); }

std::uint8_t first_byte(const FrameResult& result) {
  return std::to_integer<std::uint8_t>(result.frame.picture.bytes()[0]);
}

FrameResult next(Pipeline& pipeline, std::uint32_t stream_id = 0) {
  FrameResult result;
  EXPECT_EQ(pipeline.wait(stream_id, result), WaitStatus::kResult);
  return result;
}

TEST(Pipeline, TellsWatchersOfResultsRoomAndTheEnd) {
  Gate gate;
  Pipeline pipeline(fake({.max_batch = 1, .on_enqueue = [&](int) { gate.pass(); }}), {.slots = 1});
  std::atomic<int> told{0};
  StreamOptions options = StreamOptions::offline();
  options.input_capacity = 2;
  options.on_change = [&] { ++told; };
  pipeline.open_stream(0, options);
  EXPECT_FALSE(pipeline.queues(1).has_value());
  ASSERT_EQ(pipeline.submit(marked_frame(0, 0)), SubmitStatus::kAccepted);
  gate.await_arrival();
  EXPECT_EQ(told, 1) << "the frame has left the input queue: there is room";
  ASSERT_EQ(pipeline.submit(marked_frame(0, 1)), SubmitStatus::kAccepted);
  EXPECT_EQ(pipeline.queues(0)->waiting, 1U);
  EXPECT_EQ(pipeline.queues(0)->running, 1U);
  EXPECT_EQ(pipeline.queues(0)->input_capacity, 2U);
  gate.open();
  // Both results, the second frame's room, and the room that each result leaves when it is taken.
  (void)next(pipeline);
  (void)next(pipeline);
  EXPECT_EQ(told, 6);
  EXPECT_EQ(pipeline.queues(0)->pictures, 0U);
  pipeline.end_stream(0);
  EXPECT_GT(told, 6) << "the end";
}

TEST(Pipeline, TellsNobodyOfRoomWhereNobodyWaitsForIt) {
  Pipeline pipeline(fake(), {});
  std::atomic<int> told{0};
  pipeline.open_stream(0, {.max_delay = MaxDelay::fixed({}), .on_change = [&] { ++told; }});
  ASSERT_EQ(pipeline.submit(marked_frame(0, 0)), SubmitStatus::kAccepted);
  (void)next(pipeline);
  EXPECT_EQ(told, 1);
}

TEST(Pipeline, RunsFramesThroughThePlanInOrder) {
  Pipeline pipeline(fake({.add = 100}), {});
  pipeline.open_stream(3, StreamOptions::offline());
  std::thread sender([&] {
    for (std::uint64_t id = 0; id < 21; ++id) EXPECT_EQ(pipeline.submit(marked_frame(3, id)), SubmitStatus::kAccepted);
    pipeline.end_stream(3);
  });
  for (std::uint64_t id = 0; id < 21; ++id) {
    const FrameResult result = next(pipeline, 3);
    EXPECT_EQ(result.outcome, FrameOutcome::kDone);
    EXPECT_EQ(result.frame.id, id);
    EXPECT_EQ(result.frame.stream_id, 3U);
    EXPECT_EQ(result.frame.pts, Pts(static_cast<std::int64_t>(id) * 1000));
    EXPECT_EQ(first_byte(result), mark_of(3, id) + 100);
  }
  FrameResult none;
  EXPECT_EQ(pipeline.wait(3, none), WaitStatus::kEnd);
  sender.join();
  const PipelineStats stats = pipeline.stats();
  EXPECT_EQ(stats.total.counters.done, 21U);
  EXPECT_EQ(stats.batches.batch_sizes()[4], 5U) << "offline: full batches";
  EXPECT_EQ(stats.batches.batch_sizes()[1], 1U) << "and one partial at the end";
  EXPECT_EQ(stats.total.latency.count(), 21U);
}

TEST(Pipeline, PaddingRunsButNeverLeaves) {
  std::vector<int> sizes;
  Pipeline pipeline(fake({.max_batch = 4, .compiled_sizes = {2, 4}, .on_enqueue = [&](int n) { sizes.push_back(n); }}),
                    {});
  pipeline.open_stream(0, StreamOptions::offline());
  for (std::uint64_t id = 0; id < 7; ++id) pipeline.submit(marked_frame(0, id));
  pipeline.end_stream(0);
  for (std::uint64_t id = 0; id < 7; ++id) EXPECT_EQ(first_byte(next(pipeline)), mark_of(0, id));
  FrameResult none;
  EXPECT_EQ(pipeline.wait(0, none), WaitStatus::kEnd);
  pipeline.stop();
  EXPECT_EQ(sizes, (std::vector<int>{4, 4}));
  EXPECT_EQ(pipeline.stats().batches.padding_rows(), 1U);
}

TEST(Pipeline, TapsAreShownOfEveryFrameAndOfNoPadding) {
  std::vector<std::pair<std::uint64_t, int>> shown;
  PipelineOptions options;
  options.on_tap = [&](const TapSpec& tap, const Frame& frame, std::span<const std::byte> pixels) {
    EXPECT_EQ(tap.node, "7");
    EXPECT_EQ(pixels.size(), tap.picture.size_bytes());
    shown.emplace_back(frame.id, std::to_integer<int>(pixels[0]));
  };
  Pipeline pipeline(fake({.max_batch = 4, .compiled_sizes = {4}, .add = 100, .taps = true}), options);
  pipeline.open_stream(0, StreamOptions::offline());
  for (std::uint64_t id = 0; id < 3; ++id) pipeline.submit(marked_frame(0, id));
  pipeline.end_stream(0);
  std::vector<std::pair<std::uint64_t, int>> expected;
  for (std::uint64_t id = 0; id < 3; ++id) {
    EXPECT_EQ(first_byte(next(pipeline)), mark_of(0, id) + 100);
    expected.emplace_back(id, mark_of(0, id));
  }
  EXPECT_EQ(shown, expected);
}

TEST(Pipeline, ShortBatchWaitsExactlyForItsAllowance) {
  auto clock = std::make_shared<ManualClock>();
  clock->advance(1s);
  Pipeline pipeline(fake(), {.clock = clock});
  pipeline.open_stream(0, {.max_delay = MaxDelay::fixed(10ms)});
  const TimePoint arrival = clock->now();
  pipeline.submit(marked_frame(0, 0));
  clock->await_waiter(arrival + 10ms);
  clock->advance(9ms);
  EXPECT_FALSE(pipeline.poll(0));
  pipeline.submit(marked_frame(0, 1));
  clock->await_waiter(arrival + 10ms);
  EXPECT_FALSE(pipeline.poll(0));
  clock->advance(1ms);
  EXPECT_EQ(next(pipeline).frame.id, 0U);
  EXPECT_EQ(next(pipeline).frame.id, 1U);
  const PipelineStats stats = pipeline.stats();
  EXPECT_EQ(stats.batches.batch_sizes()[2], 1U);
  EXPECT_EQ(stats.batches.stage(Stage::kCollect).max(), Duration(10ms));
  EXPECT_EQ(stats.total.latency.max(), Duration(10ms));
  EXPECT_DOUBLE_EQ(stats.total.fps(), 200.0);
}

TEST(Pipeline, WaitTimesOut) {
  auto clock = std::make_shared<ManualClock>();
  clock->advance(1s);
  Pipeline pipeline(fake(), {.clock = clock});
  pipeline.open_stream(0);
  const TimePoint deadline = clock->now() + 5ms;
  WaitStatus status = WaitStatus::kResult;
  std::thread receiver([&] {
    FrameResult result;
    status = pipeline.wait(0, result, 5ms);
  });
  clock->await_waiter(deadline);
  clock->advance(5ms);
  receiver.join();
  EXPECT_EQ(status, WaitStatus::kTimeout);
}

TEST(Pipeline, FramesGatherWhileTheDeviceIsBusy) {
  Gate gate;
  Pipeline pipeline(fake({.on_wait = [&](int) { gate.pass(); }}), {});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 0));
  gate.await_arrival();
  for (std::uint64_t id = 1; id < 4; ++id) pipeline.submit(marked_frame(0, id));
  gate.open();
  for (std::uint64_t id = 0; id < 4; ++id) EXPECT_EQ(next(pipeline).frame.id, id);
  EXPECT_EQ(pipeline.stats().batches.batch_sizes()[1], 1U);
  EXPECT_EQ(pipeline.stats().batches.batch_sizes()[3], 1U);
}

TEST(Pipeline, SenderBlocksUntilTheReceiverTakes) {
  Pipeline pipeline(fake({.max_batch = 1}), {});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  std::uint64_t entered = 0;
  std::thread sender([&] {
    for (; entered < 100; ++entered) pipeline.submit(marked_frame(0, entered));
    pipeline.end_stream(0);
  });
  for (std::uint64_t id = 0; id < 100; ++id) EXPECT_EQ(next(pipeline).frame.id, id);
  sender.join();
  Frame late = marked_frame(0, 100);
  EXPECT_EQ(pipeline.submit(std::move(late)), SubmitStatus::kClosed);
  // NOLINTNEXTLINE(bugprone-use-after-move): what is refused stays with its sender
  EXPECT_FALSE(late.picture.empty());
}

TEST(Pipeline, TakingResultsFreesASenderThatFlushedTooMuch) {
  auto clock = std::make_shared<ManualClock>();
  Pipeline pipeline(fake(), {.clock = clock});
  pipeline.open_stream(0, StreamOptions::offline());
  std::uint64_t id = 0;
  while (pipeline.try_submit(marked_frame(0, id)) == SubmitStatus::kAccepted) {
    ++id;
    pipeline.flush(0);
  }
  std::thread sender([&] {
    pipeline.submit(marked_frame(0, id));
    pipeline.end_stream(0);
  });
  clock->await_waiter(TimePoint::max(), 2);  // the sender and the collector
  for (std::uint64_t taken = 0; taken <= id; ++taken) EXPECT_EQ(next(pipeline).frame.id, taken);
  sender.join();
}

TEST(Pipeline, NextBatchStartsBeforeTheLastOneIsDelivered) {
  Gate submitted;
  Gate second_started;
  int starts = 0;
  Pipeline pipeline(fake({.on_enqueue =
                              [&](int) {
                                if (++starts == 2) second_started.open();
                              },
                          .on_wait = [&](int) { submitted.pass(); }}),
                    {.on_batch = [&](const BatchRecord&) { second_started.pass(); }});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 0));
  submitted.await_arrival();
  pipeline.submit(marked_frame(0, 1));
  submitted.open();
  EXPECT_EQ(next(pipeline).frame.id, 0U);
  EXPECT_EQ(next(pipeline).frame.id, 1U);
}

TEST(Pipeline, TrySubmitNeverWaits) {
  Gate gate;
  Pipeline pipeline(fake({.max_batch = 1, .on_wait = [&](int) { gate.pass(); }}), {});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  int accepted = 0;
  while (pipeline.try_submit(marked_frame(0, static_cast<std::uint64_t>(accepted))) == SubmitStatus::kAccepted) {
    ASSERT_LT(++accepted, 10);
  }
  gate.open();
  for (int i = 0; i < accepted; ++i) EXPECT_EQ(next(pipeline).frame.id, static_cast<std::uint64_t>(i));
}

TEST(Pipeline, EnqueueFailureFailsTheBatchAndTheNextOneRuns) {
  int calls = 0;
  Pipeline pipeline(fake({.max_batch = 2,
                          .on_enqueue =
                              [&](int) {
                                if (calls++ == 0) throw Error(ErrorCode::kBackend, "device lost", "reset it");
                              }}),
                    {});
  pipeline.open_stream(0, StreamOptions::offline());
  for (std::uint64_t id = 0; id < 4; ++id) pipeline.submit(marked_frame(0, id));
  for (std::uint64_t id = 0; id < 4; ++id) {
    const FrameResult result = next(pipeline);
    EXPECT_EQ(result.frame.id, id);
    EXPECT_EQ(result.outcome, id < 2 ? FrameOutcome::kFailed : FrameOutcome::kDone);
    EXPECT_EQ(result.frame.picture.empty(), id < 2);
    EXPECT_EQ(result.reason, id < 2 ? "device lost (reset it)" : "");
  }
  EXPECT_EQ(pipeline.stats().batches.failed_batches(), 1U);
  EXPECT_EQ(pipeline.stats().total.counters.failed, 2U);
}

TEST(Pipeline, WaitFailureOfAnyTypeBecomesAResult) {
  Pipeline pipeline(fake({.on_wait = [](int) { throw 42; }}), {});  // NOLINT: what a foreign library may do
  pipeline.open_stream(0, {.max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 0));
  const FrameResult result = next(pipeline);
  EXPECT_EQ(result.outcome, FrameOutcome::kFailed);
  EXPECT_FALSE(result.reason.empty());
}

TEST(Pipeline, PassthroughSendsTheInputOnWithTheError) {
  Pipeline pipeline(fake({.add = 1, .on_wait = [](int) { throw std::runtime_error("nan in the decoder"); }}),
                    {.on_error = OnError::kPassthrough});
  pipeline.open_stream(0, {.max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 5));
  const FrameResult result = next(pipeline);
  EXPECT_EQ(result.outcome, FrameOutcome::kPassthrough);
  EXPECT_EQ(result.reason, "nan in the decoder");
  EXPECT_EQ(first_byte(result), mark_of(0, 5));
  EXPECT_EQ(pipeline.stats().total.counters.passthrough, 1U);
}

TEST(Pipeline, FrameOfAnotherSizeFailsAloneAndSaysWhy) {
  Pipeline pipeline(fake(), {});
  pipeline.open_stream(0, StreamOptions::offline());
  pipeline.submit(marked_frame(0, 0));
  pipeline.submit(marked_frame(0, 1, {PixelFormat::kRgb8, 5, 2}));
  pipeline.submit(marked_frame(0, 2));
  pipeline.end_stream(0);
  EXPECT_EQ(next(pipeline).outcome, FrameOutcome::kDone);
  const FrameResult wrong = next(pipeline);
  EXPECT_EQ(wrong.outcome, FrameOutcome::kFailed);
  EXPECT_EQ(wrong.reason, "frame 1 of stream 0 has 5x2, the plan takes 4x2");
  const FrameResult after = next(pipeline);
  EXPECT_EQ(after.outcome, FrameOutcome::kDone);
  EXPECT_EQ(first_byte(after), mark_of(0, 2));
  EXPECT_EQ(pipeline.stats().batches.batch_sizes()[2], 1U);
}

TEST(Pipeline, BatchWithoutAFrameThatFitsNeverRuns) {
  int runs = 0;
  Pipeline pipeline(fake({.on_enqueue = [&](int) { ++runs; }}), {});
  pipeline.open_stream(0, {.max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 0, {PixelFormat::kRgb8, 8, 8}));
  EXPECT_EQ(next(pipeline).outcome, FrameOutcome::kFailed);
  pipeline.stop();
  EXPECT_EQ(runs, 0);
}

TEST(Pipeline, FormatsAreConvertedAtBothEnds) {
  const PictureSpec floats{PixelFormat::kRgbF32, 4, 2};
  Pipeline pipeline(std::make_shared<PassthroughPlan>(floats, 2), {.output_format = PixelFormat::kRgb8});
  pipeline.open_stream(0, {.max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 3));
  const FrameResult result = next(pipeline);
  EXPECT_EQ(result.frame.picture.format(), PixelFormat::kRgb8);
  EXPECT_EQ(first_byte(result), mark_of(0, 3));
}

TEST(Pipeline, IsIdleWhileNoBatchRuns) {
  Gate gate;
  Pipeline pipeline(fake({.max_batch = 1, .on_wait = [&](int) { gate.pass(); }}), {.slots = 1});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  EXPECT_TRUE(pipeline.idle());
  pipeline.submit(marked_frame(0, 0));
  gate.await_arrival();
  EXPECT_FALSE(pipeline.idle());
  gate.open();
  (void)next(pipeline);
  EXPECT_TRUE(pipeline.idle());
}

TEST(Pipeline, FlushLetsTheRunningBatchFinish) {
  Gate gate;
  Pipeline pipeline(fake({.max_batch = 1, .on_wait = [&](int) { gate.pass(); }}), {.slots = 1});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  pipeline.submit(marked_frame(0, 0));
  gate.await_arrival();
  pipeline.submit(marked_frame(0, 1));
  pipeline.submit(marked_frame(0, 2));
  EXPECT_EQ(pipeline.flush(0), 2U);
  gate.open();
  EXPECT_EQ(next(pipeline).outcome, FrameOutcome::kDone);
  EXPECT_EQ(next(pipeline).outcome, FrameOutcome::kFlushed);
  EXPECT_EQ(next(pipeline).outcome, FrameOutcome::kFlushed);
  pipeline.submit(marked_frame(0, 3));
  EXPECT_EQ(next(pipeline).outcome, FrameOutcome::kDone);
}

TEST(Pipeline, StopFreesABlockedSenderAndReceiverAndLosesNothing) {
  Gate gate;
  Pipeline pipeline(fake({.max_batch = 1, .on_wait = [&](int) { gate.pass(); }}), {.slots = 1});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({})});
  pipeline.open_stream(1);
  std::uint64_t entered = 0;
  std::thread sender([&] {
    while (pipeline.submit(marked_frame(0, entered)) == SubmitStatus::kAccepted) ++entered;
  });
  std::thread receiver([&] {
    FrameResult none;
    EXPECT_EQ(pipeline.wait(1, none), WaitStatus::kEnd);
  });
  gate.await_arrival();
  gate.open();
  pipeline.stop();
  sender.join();
  receiver.join();
  std::uint64_t left = 0;
  while (const auto result = pipeline.poll(0)) EXPECT_EQ(result->frame.id, left++);
  EXPECT_EQ(left, entered);
  FrameResult none;
  EXPECT_EQ(pipeline.wait(0, none), WaitStatus::kEnd);
  pipeline.stop();
}

TEST(Pipeline, PlanIsSwappedBetweenTwoBatches) {
  Gate gate;
  auto first =
      std::make_shared<FakePlan>(FakePlanOptions{.max_batch = 1, .add = 10, .on_wait = [&](int) { gate.pass(); }});
  const std::weak_ptr<BatchPlan> old = first;
  Pipeline pipeline(std::move(first), {.slots = 1});
  pipeline.open_stream(0, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({}), .input_capacity = 4});
  for (std::uint64_t id = 0; id < 3; ++id) pipeline.submit(marked_frame(0, id));
  gate.await_arrival();
  PreparedPlan second =
      prepare_plan(fake({.output = {PixelFormat::kRgb8, 4, 2}, .max_batch = 2, .add = 20}), pipeline.prepare_options());
  std::thread swapper([&] { pipeline.set_plan(std::move(second)); });
  gate.open();
  swapper.join();
  EXPECT_TRUE(old.expired()) << "destroyed by the thread that swapped";
  EXPECT_EQ(first_byte(next(pipeline)), mark_of(0, 0) + 10);
  pipeline.submit(marked_frame(0, 3));
  pipeline.end_stream(0);
  std::uint64_t expected = 1;
  FrameResult result;
  while (pipeline.wait(0, result) == WaitStatus::kResult) {
    EXPECT_EQ(result.outcome, FrameOutcome::kDone);
    EXPECT_EQ(result.frame.id, expected++);
  }
  EXPECT_EQ(expected, 4U);
  EXPECT_EQ(first_byte(result), mark_of(0, 3) + 20);
  EXPECT_EQ(pipeline.stats().plan_swaps, 1U);
}

TEST(Pipeline, StreamsKeepTheirOwnFrames) {
  Pipeline pipeline(fake(), {});
  pipeline.open_stream(1, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({}), .input_capacity = 8});
  pipeline.open_stream(2, {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::fixed({}), .input_capacity = 8});
  EXPECT_THROW(pipeline.open_stream(1), Error);
  for (std::uint64_t id = 0; id < 8; ++id) {
    pipeline.submit(marked_frame(1, id));
    pipeline.submit(marked_frame(2, id));
  }
  for (std::uint64_t id = 0; id < 8; ++id) {
    EXPECT_EQ(first_byte(next(pipeline, 2)), mark_of(2, id));
    EXPECT_EQ(first_byte(next(pipeline, 1)), mark_of(1, id));
  }
  pipeline.close_stream(1);
  EXPECT_EQ(pipeline.submit(marked_frame(1, 8)), SubmitStatus::kClosed);
  EXPECT_EQ(pipeline.submit(marked_frame(9, 0)), SubmitStatus::kClosed);
  FrameResult none;
  EXPECT_EQ(pipeline.wait(1, none), WaitStatus::kEnd);
  const PipelineStats stats = pipeline.stats();
  ASSERT_EQ(stats.streams.size(), 1U);
  EXPECT_EQ(stats.total.counters.done, 16U) << "closed streams count";
}

TEST(Pipeline, BatchLimitBelowThePlansLargest) {
  Pipeline pipeline(fake({.max_batch = 8}), {.max_batch = 2});
  pipeline.open_stream(0, StreamOptions::offline());
  for (std::uint64_t id = 0; id < 4; ++id) pipeline.submit(marked_frame(0, id));
  for (std::uint64_t id = 0; id < 4; ++id) EXPECT_EQ(next(pipeline).frame.id, id);
  EXPECT_EQ(pipeline.stats().batches.batch_sizes()[2], 2U);
}

TEST(Pipeline, RefusesAPlanThatIsNotPrepared) {
  EXPECT_THROW(Pipeline(PreparedPlan{}, {}), Error);
  EXPECT_THROW(Pipeline(fake(), {.slots = 0}), Error);
}

}  // namespace
}  // namespace comfystream::stream
