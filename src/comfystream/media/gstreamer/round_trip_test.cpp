// SPDX-License-Identifier: Apache-2.0
// Frames in are frames out: numbers drawn into the pictures, times and ids, through every container and back.
#include "comfystream/media/gstreamer/testing/clips.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/test_folder.hpp"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

using testing::copy_clip;
using testing::expect_frames;
using testing::marked_picture;
using testing::read_clip;
using testing::steady;
using testing::unsteady;
using testing::write_clip;

struct Container {
  const char* file;
  Pts tolerance;  ///< half a tick of the container; where the rate's times are whole ticks, how nanoseconds are rounded
  bool odd_sizes_need_a_word;
};

const Container kContainers[]{
    {"clip.mp4", Pts(1), true},
    {"clip.mov", Pts(1), true},
    {"clip.mkv", std::chrono::microseconds(5), true},
    {"clip.mkv?lossless", std::chrono::microseconds(5), false},
    {"clip.webm", std::chrono::microseconds(500), false},
};

class RoundTrip : public ::testing::TestWithParam<Container> {
 protected:
  [[nodiscard]] std::string spec() const { return folder_ / GetParam().file; }
  [[nodiscard]] std::string path() const {
    return folder_ / std::string(GetParam().file, std::strcspn(GetParam().file, "?"));
  }
  TestFolder folder_;
};

TEST_P(RoundTrip, SteadyRates) {
  for (const FrameRate rate : {FrameRate{24, 1}, {25, 1}, {30000, 1001}, {25, 2}}) {
    const auto times = steady(50, rate);
    write_clip(spec(), 64, 48, times, rate);
    const auto clip = read_clip(path());
    expect_frames(clip, times, GetParam().tolerance);
    ASSERT_TRUE(clip.info.duration);
    EXPECT_NEAR(static_cast<double>(clip.info.duration->count()), static_cast<double>(pts_of(50, rate).count()), 2e6);
  }
}

TEST_P(RoundTrip, UnsteadyTimesWithoutAndWithARate) {
  const auto times = unsteady(60);
  for (const auto& rate : {std::optional<FrameRate>(), std::optional(FrameRate{24, 1})}) {
    write_clip(spec(), 64, 48, times, rate);
    expect_frames(read_clip(path()), times, GetParam().tolerance);
  }
}

TEST_P(RoundTrip, TimesThatBeginLateCountFromTheFirstPicture) {
  const std::vector<Pts> times = unsteady(30);
  std::vector<Pts> late = times;
  for (Pts& time : late) time += std::chrono::milliseconds(1066);
  write_clip(spec(), 64, 48, late);
  expect_frames(read_clip(path()), times, GetParam().tolerance);
}

TEST_P(RoundTrip, OddSizesStay) {
  const auto times = steady(10, {24, 1});
  for (const auto& [width, height] : {std::pair{317, 241}, {64, 49}, {65, 48}}) {
    const auto notes = write_clip(spec(), width, height, times, FrameRate{24, 1});
    EXPECT_EQ(notes.size(), GetParam().odd_sizes_need_a_word ? 1U : 0U);
    const auto clip = read_clip(path());
    EXPECT_EQ(clip.info.width, width);
    EXPECT_EQ(clip.info.height, height);
    expect_frames(clip, times, GetParam().tolerance);
  }
}

TEST_P(RoundTrip, OneFrame) {
  const std::vector<Pts> times{Pts(0)};
  write_clip(spec(), 64, 48, times, FrameRate{24, 1});
  expect_frames(read_clip(path()), times, Pts(0));
}

TEST_P(RoundTrip, PicturesLookTheSame) {
  write_clip(spec(), 128, 96, steady(5, {24, 1}), FrameRate{24, 1});
  const auto source = open_source(path(), {});
  Frame frame;
  for (std::uint64_t i = 0; source->read(frame) == ReadStatus::kFrame; ++i) {
    const Picture wanted = marked_picture(128, 96, i);
    double difference = 0;
    double bias = 0;
    for (std::size_t at = 0; at < wanted.size_bytes(); ++at) {
      const int change = std::to_integer<int>(frame.picture.bytes()[at]) - std::to_integer<int>(wanted.bytes()[at]);
      difference += std::abs(change);
      bias += change;
    }
    const auto values = static_cast<double>(wanted.size_bytes());
    // A wrong colour matrix would show as a difference of ten and more.
    EXPECT_LT(difference / values, 2.5);
    EXPECT_LT(std::abs(bias / values), 1.0);
  }
}

TEST_P(RoundTrip, CopiesOfCopies) {
  const auto times = steady(30, {24, 1});
  write_clip(folder_ / "first.mp4", 64, 48, times, FrameRate{24, 1});
  copy_clip(folder_ / "first.mp4", spec());
  copy_clip(path(), folder_ / "last.mp4");
  expect_frames(read_clip(folder_ / "last.mp4"), times, 2 * GetParam().tolerance);
}

INSTANTIATE_TEST_SUITE_P(Containers, RoundTrip, ::testing::ValuesIn(kContainers), [](const auto& container) {
  std::string name(container.param.file);
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(Lossless, KeepsEveryByte) {
  const TestFolder folder;
  for (const auto& [width, height] : {std::pair{64, 48}, {317, 241}, {33, 17}}) {
    write_clip(folder / "clip.mkv?lossless", width, height, steady(5, {24, 1}));
    const auto source = open_source(folder / "clip.mkv", {});
    Frame frame;
    std::uint64_t frames = 0;
    for (; source->read(frame) == ReadStatus::kFrame; ++frames) {
      const Picture wanted = marked_picture(width, height, frames);
      ASSERT_EQ(frame.picture.size_bytes(), wanted.size_bytes());
      EXPECT_EQ(std::memcmp(frame.picture.bytes().data(), wanted.bytes().data(), wanted.size_bytes()), 0);
    }
    EXPECT_EQ(frames, 5U);
  }
}

TEST(Lossless, RefusedWhereTheContainerCannot) {
  const TestFolder folder;
  SinkOptions options;
  options.width = options.height = 64;
  EXPECT_THROW((void)open_sink(folder / "clip.mp4?lossless", options), Error);
  options.lossless = true;
  EXPECT_THROW((void)open_sink(folder / "clip.webm", options), Error);
}

TEST(EqualTimes, AreMovedByATickAndSaid) {
  const TestFolder folder;
  std::vector<Pts> times = steady(6, {24, 1});
  times[3] = times[2];
  const auto notes = write_clip(folder / "clip.mp4", 64, 48, times, FrameRate{24, 1});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("1 pictures"), std::string::npos) << notes[0];
  times[3] += Pts(11'111);  // a tick of 1/90000 s
  expect_frames(read_clip(folder / "clip.mp4"), times, Pts(1));
}

TEST(Fit, VideosComeAtTheWantedSize) {
  const TestFolder folder;
  write_clip(folder / "clip.mkv?lossless", 320, 240, steady(3, {24, 1}), FrameRate{24, 1});
  SourceOptions options;
  options.width = options.height = 96;
  options.fit = FitMode::kStretch;
  const auto clip = read_clip(folder / "clip.mkv", options);
  EXPECT_EQ(clip.info.width, 96);
  EXPECT_EQ(clip.info.source_width, 320);
  EXPECT_EQ(clip.frames.size(), 3U);
}

}  // namespace
}  // namespace comfystream::media
