// SPDX-License-Identifier: Apache-2.0
// Senders, receivers, flushes, faults and plan swaps at once, in real threads: every frame leaves exactly once, in the
// order of its stream, with its own pixels. What interleaves differs from run to run; what is checked does not.
#include "comfystream/error.hpp"
#include "comfystream/stream/fake_plan.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

constexpr std::uint64_t kFrames = 150;

std::shared_ptr<BatchPlan> faulty_plan(std::mt19937& random) {
  FakePlanOptions options;
  options.max_batch = static_cast<int>(random() % 8) + 1;
  if (random() % 2 == 0) options.compiled_sizes = {options.max_batch};
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const int every = static_cast<int>(random() % 9) + 2;
  const auto fault = [calls, every](int) {
    if (++*calls % every == 0) throw Error(ErrorCode::kBackend, "injected");
  };
  if (random() % 2 == 0) options.on_enqueue = fault;
  if (random() % 2 == 0) options.on_wait = fault;
  return std::make_shared<FakePlan>(std::move(options));
}

StreamOptions random_stream(std::mt19937& random) {
  StreamOptions options;
  options.policy = static_cast<QueuePolicy>(random() % 3);
  options.max_delay = std::array{MaxDelay::fixed({}), MaxDelay::fixed(std::chrono::microseconds(30)),
                                 MaxDelay::half_interval(), MaxDelay::until_full()}[random() % 4];
  options.input_capacity = random() % 3 == 0 ? 0 : random() % 8 + 2;
  options.output_capacity = random() % 3 == 0 ? 0 : random() % 8 + 2;
  return options;
}

/// Sends kFrames frames; returns the ids that entered.
std::vector<std::uint64_t> send(Pipeline& pipeline, std::uint32_t stream_id) {
  std::vector<std::uint64_t> entered;
  for (std::uint64_t id = 0; id < kFrames; ++id) {
    const SubmitStatus status = pipeline.submit(marked_frame(stream_id, id));
    if (status == SubmitStatus::kAccepted || status == SubmitStatus::kDropped) entered.push_back(id);
  }
  pipeline.end_stream(stream_id);
  return entered;
}

/// Takes results until the stream ends; returns their ids and checks their pixels.
std::vector<std::uint64_t> receive(Pipeline& pipeline, std::uint32_t stream_id) {
  std::vector<std::uint64_t> left;
  FrameResult result;
  while (pipeline.wait(stream_id, result) == WaitStatus::kResult) {
    left.push_back(result.frame.id);
    const bool has_picture = result.outcome == FrameOutcome::kDone || result.outcome == FrameOutcome::kPassthrough;
    EXPECT_EQ(!result.frame.picture.empty(), has_picture);
    if (!has_picture) continue;
    for (const std::byte value : result.frame.picture.bytes()) {
      EXPECT_EQ(std::to_integer<int>(value), mark_of(stream_id, result.frame.id));
    }
  }
  return left;
}

void run_history(std::uint32_t seed) {
  std::mt19937 random(seed);
  PipelineOptions options;
  options.slots = static_cast<int>(random() % 3) + 1;
  options.on_error = random() % 2 == 0 ? OnError::kFail : OnError::kPassthrough;
  Pipeline pipeline(faulty_plan(random), options);
  const std::uint32_t streams = random() % 3 + 1;
  std::vector<std::vector<std::uint64_t>> entered(streams);
  std::vector<std::vector<std::uint64_t>> left(streams);
  std::vector<std::thread> threads;
  for (std::uint32_t id = 0; id < streams; ++id) {
    pipeline.open_stream(id, random_stream(random));
    threads.emplace_back([&, id] { entered[id] = send(pipeline, id); });
    threads.emplace_back([&, id] { left[id] = receive(pipeline, id); });
  }
  for (int i = 0; i < 3; ++i) {
    pipeline.flush(static_cast<std::uint32_t>(random() % streams));
    pipeline.set_plan(prepare_plan(faulty_plan(random), pipeline.prepare_options()));
    (void)pipeline.stats();
  }
  if (random() % 4 == 0) pipeline.stop();
  for (std::thread& thread : threads) thread.join();
  for (std::uint32_t id = 0; id < streams; ++id) EXPECT_EQ(left[id], entered[id]) << "stream " << id;
  const StreamCounters counters = pipeline.stats().total.counters;
  EXPECT_EQ(counters.entered, counters.left());
}

TEST(PipelineStress, EveryFrameLeavesExactlyOnceAndInOrder) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run_history(seed);
    if (HasFailure()) return;
  }
}

TEST(PipelineStress, StreamsOpenAndCloseWhileOthersRun) {
  std::mt19937 random(1);
  Pipeline pipeline(std::make_shared<FakePlan>(FakePlanOptions{}), {});
  pipeline.open_stream(0, StreamOptions::offline());
  std::vector<std::uint64_t> left;
  std::thread sender([&] { send(pipeline, 0); });
  std::thread receiver([&] { left = receive(pipeline, 0); });
  for (std::uint32_t round = 0; round < 50; ++round) {
    const std::uint32_t id = round % 3 + 1;
    pipeline.open_stream(id, {.max_delay = MaxDelay::fixed({})});
    for (std::uint64_t frame = 0; frame < 5; ++frame) pipeline.submit(marked_frame(id, frame));
    std::thread waiting([&] {
      FrameResult result;
      while (pipeline.wait(id, result) == WaitStatus::kResult) {
      }
    });
    pipeline.close_stream(id);
    waiting.join();
  }
  sender.join();
  receiver.join();
  EXPECT_EQ(left.size(), kFrames);
}

}  // namespace
}  // namespace comfystream::stream
