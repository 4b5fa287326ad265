// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/frame_marks.hpp"

#include "comfystream/media/fit.hpp"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

Picture grey_picture(int width, int height, int value = 128) {
  Picture picture(PixelFormat::kRgb8, width, height);
  std::fill(picture.bytes().begin(), picture.bytes().end(), static_cast<std::byte>(value));
  return picture;
}

void change(Picture& picture, int (*function)(int)) {
  for (std::byte& value : picture.bytes()) value = static_cast<std::byte>(function(std::to_integer<int>(value)));
}

TEST(FrameMarks, ReadsWhatWasDrawnAtEverySize) {
  for (const auto& [width, height] : {std::pair{20, 16}, {64, 64}, {317, 241}, {512, 512}, {768, 576}, {1920, 1080}}) {
    for (const int number : {0, 1, 255, 256, 21845, 43690, 65535}) {
      Picture picture = grey_picture(width, height);
      draw_frame_mark(picture, static_cast<std::uint64_t>(number));
      EXPECT_EQ(read_frame_mark(picture), number) << width << "x" << height;
    }
  }
}

TEST(FrameMarks, CountsModulo65536) {
  Picture picture = grey_picture(64, 64);
  draw_frame_mark(picture, 65536 + 7);
  EXPECT_EQ(read_frame_mark(picture), 7);
}

TEST(FrameMarks, SurvivesInversionDimmingAndScaling) {
  Picture picture = grey_picture(512, 512);
  draw_frame_mark(picture, 1234);
  change(picture, [](int v) { return 255 - v; });
  EXPECT_EQ(read_frame_mark(picture), 1234);
  change(picture, [](int v) { return 60 + v / 3; });
  EXPECT_EQ(read_frame_mark(picture), 1234);

  Fitter fitter(FitMode::kCover, 200, 200);
  Picture small(PixelFormat::kRgb8, 200, 200);
  fitter.fit({reinterpret_cast<const std::uint8_t*>(picture.bytes().data()), 512, 512, 512 * 3}, small.bytes());
  EXPECT_EQ(read_frame_mark(small), 1234);
}

TEST(FrameMarks, FloatPicturesToo) {
  Picture picture(PixelFormat::kRgbF32, 64, 64);
  std::fill(picture.bytes().begin(), picture.bytes().end(), std::byte{0});
  draw_frame_mark(picture, 77);
  EXPECT_EQ(read_frame_mark(picture), 77);
}

TEST(FrameMarks, SaysNothingRatherThanAWrongNumber) {
  EXPECT_EQ(read_frame_mark(grey_picture(64, 64)), std::nullopt);
  EXPECT_EQ(read_frame_mark(grey_picture(8, 8)), std::nullopt);
  EXPECT_EQ(read_frame_mark(Picture()), std::nullopt);

  Picture picture = grey_picture(64, 64);
  draw_frame_mark(picture, 5);
  for (int y = 0; y < 4; ++y) std::memset(&picture.bytes()[static_cast<std::size_t>(y * 64 + 8) * 3], 255, 4 * 3);
  EXPECT_EQ(read_frame_mark(picture), std::nullopt) << "a flipped bit breaks the parity";
}

}  // namespace
}  // namespace comfystream::media
