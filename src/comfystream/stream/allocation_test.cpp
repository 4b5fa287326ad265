// SPDX-License-Identifier: Apache-2.0
// Counts every allocation of this program: the frame path makes none once it is warm.
#include "comfystream/stream/counted_new.hpp"
#include "comfystream/stream/passthrough_plan.hpp"
#include "comfystream/stream/picture_pool.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

/// Sends and takes `frames` frames, as many at a time as the queue holds.
void pump(Pipeline& pipeline, PicturePool& source, std::uint64_t& id, int frames) {
  FrameResult result;
  for (int sent = 0, taken = 0; taken < frames;) {
    bool refused = sent == frames;
    while (!refused) {
      Frame frame;
      frame.id = id;
      frame.picture = source.take();
      refused = pipeline.try_submit(std::move(frame)) != SubmitStatus::kAccepted;
      if (!refused) ++id;
      if (!refused && ++sent == frames) refused = true;
    }
    if (pipeline.wait(0, result) == WaitStatus::kResult) ++taken;
    ASSERT_EQ(result.outcome, FrameOutcome::kDone);
  }
}

class SteadyState : public testing::TestWithParam<PixelFormat> {};

TEST_P(SteadyState, AllocatesNothing) {
  const PictureSpec spec{PixelFormat::kRgb8, 64, 48};
  const PictureSpec inside{GetParam(), 64, 48};
  Pipeline pipeline(std::make_shared<PassthroughPlan>(inside, 4), {.output_format = PixelFormat::kRgb8});
  StreamOptions options = StreamOptions::offline();
  options.max_delay = MaxDelay::fixed(std::chrono::microseconds(50));  // timed waits and partial batches too
  pipeline.open_stream(0, options);
  const std::size_t pictures = pipeline.stats().pictures;
  const auto source = PicturePool::create(spec, 64);
  std::uint64_t id = 0;
  pump(pipeline, *source, id, 200);
  const std::uint64_t before = allocations_so_far();
  pump(pipeline, *source, id, 2000);
  EXPECT_EQ(allocations_so_far() - before, 0U);
  EXPECT_EQ(pipeline.stats().pictures, pictures);
}

INSTANTIATE_TEST_SUITE_P(Formats, SteadyState, testing::Values(PixelFormat::kRgb8, PixelFormat::kRgbF32));

TEST(DroppingStream, AllocatesNothing) {
  const PictureSpec spec{PixelFormat::kRgb8, 64, 48};
  Pipeline pipeline(std::make_shared<PassthroughPlan>(spec, 2), {});
  pipeline.open_stream(0, {.policy = QueuePolicy::kDropOldest});
  const auto source = PicturePool::create(spec, 64);
  std::uint64_t before = 0;
  std::uint64_t dropped = 0;
  for (std::uint64_t id = 0; id < 4000; ++id) {
    if (id == 500) before = allocations_so_far();
    Frame frame;
    frame.id = id;
    frame.picture = source->take();
    pipeline.submit(std::move(frame));
    if (id % 32 != 0) continue;  // more than queues and slots hold together
    while (const auto result = pipeline.poll(0)) dropped += result->outcome == FrameOutcome::kDropped ? 1 : 0;
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
  EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace comfystream::stream
