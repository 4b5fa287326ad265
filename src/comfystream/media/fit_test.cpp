// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/fit.hpp"

#include "comfystream/error.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Grey pixels, one value each, as RGB.
Bytes grey(const Bytes& values) {
  Bytes rgb;
  for (const std::uint8_t value : values) rgb.insert(rgb.end(), 3, value);
  return rgb;
}

/// The fitted picture's red values.
std::vector<int> fitted(Fitter& fitter, const Bytes& values, int width, int height, double aspect = 1.0) {
  const Bytes rgb = grey(values);
  std::vector<std::byte> out(static_cast<std::size_t>(fitter.width() * fitter.height()) * 3, std::byte{99});
  fitter.fit({rgb.data(), width, height, static_cast<std::size_t>(width) * 3, aspect}, out);
  std::vector<int> red;
  for (std::size_t i = 0; i < out.size(); i += 3) {
    EXPECT_EQ(out[i], out[i + 1]);
    EXPECT_EQ(out[i], out[i + 2]);
    red.push_back(std::to_integer<int>(out[i]));
  }
  return red;
}

TEST(Fit, SameSizeIsCopiedWhateverTheStride) {
  const Bytes rgb{1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0};  // 2x2, two bytes of padding a row
  Fitter fitter(FitMode::kCover, 2, 2);
  std::vector<std::byte> out(12);
  fitter.fit({rgb.data(), 2, 2, 8}, out);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(std::to_integer<int>(out[static_cast<std::size_t>(i)]), i + 1);
}

TEST(Fit, CoverCutsTheSameFromBothSides) {
  Fitter fitter(FitMode::kCover, 2, 2);
  EXPECT_EQ(fitted(fitter, {10, 20, 30, 40, 50, 60, 70, 80}, 4, 2), (std::vector<int>{20, 30, 60, 70}));
  EXPECT_EQ(fitted(fitter, {10, 20, 30, 40, 50, 60, 70, 80}, 2, 4), (std::vector<int>{30, 40, 50, 60}));
}

TEST(Fit, ContainKeepsAllBetweenBlackBars) {
  Fitter fitter(FitMode::kContain, 4, 4);
  EXPECT_EQ(fitted(fitter, {10, 20, 30, 40, 50, 60, 70, 80}, 4, 2),
            (std::vector<int>{0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 0, 0, 0, 0}));
  EXPECT_EQ(fitted(fitter, {10, 20, 30, 40, 50, 60, 70, 80}, 2, 4),
            (std::vector<int>{0, 10, 20, 0, 0, 30, 40, 0, 0, 50, 60, 0, 0, 70, 80, 0}));
}

TEST(Fit, EnlargingInterpolatesBetweenPixelCentres) {
  Fitter fitter(FitMode::kStretch, 4, 1);
  EXPECT_EQ(fitted(fitter, {0, 100}, 2, 1), (std::vector<int>{0, 25, 75, 100}));
}

TEST(Fit, ShrinkingCountsEverySourcePixel) {
  // A triangle of twice the width: outputs at 1 and 3 weigh their neighbours 1:3:3:1, cut off and made whole at the
  // ends.
  Fitter fitter(FitMode::kStretch, 2, 1);
  EXPECT_EQ(fitted(fitter, {70, 0, 0, 0}, 4, 1), (std::vector<int>{30, 0}));
  EXPECT_EQ(fitted(fitter, {0, 0, 0, 70}, 4, 1), (std::vector<int>{0, 30}));
  EXPECT_EQ(fitted(fitter, {0, 0, 70, 0}, 4, 1), (std::vector<int>{10, 30}));
}

TEST(Fit, ConstantPicturesStayConstantAtAnySize) {
  for (const int size : {1, 3, 7, 31, 64, 100}) {
    Fitter fitter(FitMode::kCover, size, size);
    for (const int value : {0, 1, 127, 254, 255}) {
      const Bytes values(37 * 29, static_cast<std::uint8_t>(value));
      EXPECT_EQ(fitted(fitter, values, 37, 29), std::vector<int>(static_cast<std::size_t>(size * size), value));
    }
  }
}

TEST(Fit, WidePixelsCountWithTheirWidth) {
  // 2x2 pixels twice as wide as high are shown 4:2, so a square output cuts half of the width.
  Fitter fitter(FitMode::kContain, 4, 4);
  EXPECT_EQ(fitted(fitter, {50, 50, 50, 50}, 2, 2, 2.0),
            (std::vector<int>{0, 0, 0, 0, 50, 50, 50, 50, 50, 50, 50, 50, 0, 0, 0, 0}));
}

TEST(Fit, FollowsASourceThatChangesItsSize) {
  Fitter fitter(FitMode::kStretch, 1, 1);
  EXPECT_EQ(fitted(fitter, {10, 30}, 2, 1), std::vector<int>{20});
  EXPECT_EQ(fitted(fitter, {10, 30, 50}, 1, 3), std::vector<int>{30});
}

TEST(Fit, NamesAndErrors) {
  for (const FitMode mode : {FitMode::kCover, FitMode::kContain, FitMode::kStretch}) {
    EXPECT_EQ(parse_fit(to_string(mode)), mode);
  }
  EXPECT_THROW((void)parse_fit("crop"), Error);
  EXPECT_THROW(Fitter(FitMode::kCover, 0, 4), Error);
}

}  // namespace
}  // namespace comfystream::media
