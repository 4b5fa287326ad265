// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/test_pattern_source.hpp"

#include "comfystream/media/frame_marks.hpp"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

TEST(TestPattern, ParsesEveryPartAndItsDefaults) {
  const TestPattern none = parse_test_pattern("");
  EXPECT_EQ(none.width, 512);
  EXPECT_EQ(none.frames, 0U);
  const TestPattern all = parse_test_pattern("640x360@30000/1001x90");
  EXPECT_EQ(all.width, 640);
  EXPECT_EQ(all.height, 360);
  EXPECT_EQ(all.rate, (FrameRate{30000, 1001}));
  EXPECT_EQ(all.frames, 90U);
  EXPECT_EQ(parse_test_pattern("8x8@25").rate, (FrameRate{25, 1}));
  for (const char* bad : {"x", "12", "12x", "0x4", "-4x4", "4x4@", "4x4@0", "4x4@25x", "4x4@25x0", "4x4 ", "99999x4"}) {
    EXPECT_THROW((void)parse_test_pattern(bad), Error) << bad;
  }
}

TEST(TestPattern, GivesNumberedMovingFramesAndEnds) {
  TestPatternSource source(parse_test_pattern("96x64@25x5"), {});
  EXPECT_EQ(source.info().frame_count, 5U);
  EXPECT_EQ(source.info().duration, std::chrono::milliseconds(200));
  Frame frame;
  Picture before;
  for (std::uint64_t i = 0; i < 5; ++i) {
    ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
    EXPECT_EQ(frame.id, i);
    EXPECT_EQ(frame.pts, std::chrono::milliseconds(40) * static_cast<int>(i));
    EXPECT_EQ(read_frame_mark(frame.picture), i);
    // The mark aside, the picture moves: compare the last row.
    if (!before.empty()) {
      EXPECT_FALSE(
          std::equal(before.bytes().end() - 96 * 3, before.bytes().end(), frame.picture.bytes().end() - 96 * 3));
    }
    before = frame.picture.clone();
  }
  EXPECT_EQ(source.read(frame), ReadStatus::kEnd);
  EXPECT_EQ(source.read(frame), ReadStatus::kEnd);
}

TEST(TestPattern, ComesAtThePlansSize) {
  SourceOptions options;
  options.width = 128;
  options.height = 128;
  options.stream_id = 3;
  TestPatternSource source(parse_test_pattern("256x256@24x2"), options);
  Frame frame;
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  EXPECT_EQ(frame.picture.width(), 128);
  EXPECT_EQ(frame.stream_id, 3U);
  EXPECT_EQ(read_frame_mark(frame.picture), 1);
}

TEST(TestPattern, StopEndsAnEndlessPattern) {
  TestPatternSource source(parse_test_pattern("32x32@24"), {});
  EXPECT_FALSE(source.info().frame_count.has_value());
  Frame frame;
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  source.stop();
  EXPECT_EQ(source.read(frame), ReadStatus::kStopped);
}

TEST(PtsOf, IsExactFarIntoTheStream) {
  EXPECT_EQ(pts_of(1, {30000, 1001}), Pts(33366667));
  EXPECT_EQ(pts_of(30000, {30000, 1001}), std::chrono::seconds(1001));
  EXPECT_EQ(pts_of(24ULL * 3600 * 24 * 365, {24, 1}), std::chrono::hours(24 * 365));
}

}  // namespace
}  // namespace comfystream::media
