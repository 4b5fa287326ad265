// SPDX-License-Identifier: Apache-2.0
// Pictures on a card in the pipeline: which memory is read, written, kept and given back. The card's part is the
// backend's, and tested there.
#include "comfystream/stream/fake_plan.hpp"
#include "comfystream/stream/passthrough_plan.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <array>
#include <memory>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

constexpr PictureSpec kSpec{PixelFormat::kRgb8, 4, 2};

Frame on_card(std::uint64_t id, const std::shared_ptr<int>& alive = std::make_shared<int>()) {
  Frame frame = marked_frame(0, id);
  Picture picture = FakeCardMemory::picture(kSpec, alive);
  std::memcpy(picture.address(), frame.picture.address(), kSpec.size_bytes());
  frame.picture = std::move(picture);
  return frame;
}

std::vector<FrameResult> results_of(Pipeline& pipeline) {
  std::vector<FrameResult> results;
  FrameResult result;
  while (pipeline.wait(0, result) == WaitStatus::kResult) results.push_back(std::move(result));
  return results;
}

std::vector<FrameResult> run(const std::shared_ptr<BatchPlan>& plan, std::vector<Frame> frames,
                             const PipelineOptions& options = {}) {
  Pipeline pipeline(plan, options);
  pipeline.open_stream(0, StreamOptions::offline());
  for (Frame& frame : frames) pipeline.submit(std::move(frame));
  pipeline.end_stream(0);
  return results_of(pipeline);
}

TEST(DevicePictures, LeaveOnTheCardInOrderBesideThoseOfTheHost) {
  const auto plan =
      std::make_shared<FakePlan>(FakePlanOptions{.compiled_sizes = {4}, .add = 3, .reaches_device = true});
  std::vector<Frame> frames;
  for (std::uint64_t id = 0; id < 7; ++id) frames.push_back(id % 3 == 1 ? marked_frame(0, id) : on_card(id));
  const auto results = run(plan, std::move(frames));
  ASSERT_EQ(results.size(), 7U);
  for (std::uint64_t id = 0; id < 7; ++id) {
    const Picture& picture = results[id].frame.picture;
    EXPECT_EQ(results[id].outcome, FrameOutcome::kDone) << results[id].reason;
    EXPECT_EQ(results[id].frame.id, id);
    EXPECT_EQ(results[id].frame.pts, Pts(static_cast<std::int64_t>(id) * 1000));
    EXPECT_EQ(picture.device() == nullptr, id % 3 == 1);
    EXPECT_EQ(std::to_integer<int>(*picture.address()), mark_of(0, id) + 3);
  }
}

TEST(DevicePictures, AreKeptUntilTheirBatchIsDoneAndThenGivenBack) {
  const auto alive = std::make_shared<int>();
  long while_it_ran = 0;
  FakePlanOptions options{.reaches_device = true};
  options.on_wait = [&](int /*batch_size*/) { while_it_ran = alive.use_count(); };
  std::vector<Frame> frames;
  for (std::uint64_t id = 0; id < 4; ++id) frames.push_back(on_card(id, alive));
  EXPECT_EQ(alive.use_count(), 5);
  const auto results = run(std::make_shared<FakePlan>(options), std::move(frames));
  EXPECT_EQ(results.size(), 4U);
  EXPECT_EQ(while_it_ran, 5);
  EXPECT_EQ(alive.use_count(), 1) << "while the results are held";
}

TEST(DevicePictures, ThatPassThroughAreTheirOwnResult) {
  std::array<std::byte*, 3> addresses{};
  std::vector<Frame> frames;
  for (std::uint64_t id = 0; id < 3; ++id) {
    frames.push_back(on_card(id));
    addresses[id] = frames.back().picture.address();
  }
  const auto results = run(std::make_shared<PassthroughPlan>(kSpec, 2), std::move(frames));
  ASSERT_EQ(results.size(), 3U);
  for (std::uint64_t id = 0; id < 3; ++id) {
    EXPECT_EQ(results[id].outcome, FrameOutcome::kDone);
    EXPECT_EQ(results[id].frame.picture.address(), addresses[id]);
  }
}

TEST(DevicePictures, OfABatchThatFailsComeBackAsTheyCame) {
  FakePlanOptions options{.reaches_device = true};
  options.on_wait = [](int /*batch_size*/) { throw Error(ErrorCode::kBackend, "broken"); };
  std::vector<Frame> frames;
  frames.push_back(on_card(0));
  const std::byte* address = frames[0].picture.address();
  const auto results = run(std::make_shared<FakePlan>(options), std::move(frames), {.on_error = OnError::kPassthrough});
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].outcome, FrameOutcome::kPassthrough);
  EXPECT_EQ(results[0].frame.picture.address(), address);
}

TEST(DevicePictures, FailAloneWhereThePlanDoesNotReachThem) {
  std::vector<Frame> frames;
  frames.push_back(on_card(0));
  frames.push_back(marked_frame(0, 1));
  const auto results = run(std::make_shared<FakePlan>(FakePlanOptions{}), std::move(frames));
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].outcome, FrameOutcome::kFailed);
  EXPECT_NE(results[0].reason.find("device 7, the plan takes pictures on the host"), std::string::npos)
      << results[0].reason;
  EXPECT_EQ(results[1].outcome, FrameOutcome::kDone);
}

TEST(DevicePictures, CannotBeTouchedByTheHost) {
  const Picture picture = FakeCardMemory::picture(kSpec);
  EXPECT_FALSE(picture.empty());
  EXPECT_TRUE(picture.bytes().empty());
  EXPECT_THROW(static_cast<void>(picture.clone()), Error);
}

}  // namespace
}  // namespace comfystream::stream
