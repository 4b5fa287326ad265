// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/yuv.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

constexpr YuvCoding kCodings[]{
    {0.2126, 0.0722, false}, {0.2126, 0.0722, true}, {0.299, 0.114, false}, {0.299, 0.114, true}};

struct Planes {
  Planes(int width, int height, int shift_x, int shift_y) {
    const int colour_width = (width + shift_x) >> shift_x;
    const int colour_height = (height + shift_y) >> shift_y;
    const auto luma = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    const auto colour = static_cast<std::size_t>(colour_width) * static_cast<std::size_t>(colour_height);
    bytes.resize(luma + 2 * colour);
    view = {{bytes.data(), bytes.data() + luma, bytes.data() + luma + colour},
            {static_cast<std::size_t>(width), static_cast<std::size_t>(colour_width),
             static_cast<std::size_t>(colour_width)},
            width,
            height,
            shift_x,
            shift_y};
  }
  [[nodiscard]] YuvPlanes<const std::uint8_t> read() const {
    return {{view.planes[0], view.planes[1], view.planes[2]},
            view.strides,
            view.width,
            view.height,
            view.shift_x,
            view.shift_y};
  }
  std::vector<std::uint8_t> bytes;
  YuvPlanes<std::uint8_t> view;
};

/// The formulas of H.273 in doubles.
std::array<double, 3> yuv_of(double r, double g, double b, const YuvCoding& coding) {
  const double kr = coding.red_weight;
  const double kb = coding.blue_weight;
  const double y = kr * r + (1 - kr - kb) * g + kb * b;
  const double u = (b - y) / (2 * (1 - kb));
  const double v = (r - y) / (2 * (1 - kr));
  if (coding.full_range) return {y, u + 128, v + 128};
  return {16 + y * 219 / 255, 128 + u * 224 / 255, 128 + v * 224 / 255};
}

TEST(Yuv, FollowsTheFormulaToTheNearestStep) {
  for (const YuvCoding& coding : kCodings) {
    const RgbToYuv convert(coding);
    for (int r = 0; r < 256; r += 15) {
      for (int g = 0; g < 256; g += 15) {
        for (int b = 0; b < 256; b += 15) {
          const std::uint8_t rgb[]{static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(g),
                                   static_cast<std::uint8_t>(b)};
          Planes planes(1, 1, 0, 0);
          convert.convert(rgb, planes.view);
          const auto wanted = yuv_of(r, g, b, coding);
          for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_LE(std::abs(planes.bytes[i] - std::min(wanted[i], 255.0)), 0.51) << r << " " << g << " " << b;
          }
        }
      }
    }
  }
}

TEST(Yuv, ComesBackWithinTwoStepsWithoutABias) {
  for (const YuvCoding& coding : kCodings) {
    const RgbToYuv there(coding);
    const YuvToRgb back(coding);
    double bias = 0;
    int values = 0;
    for (int r = 0; r < 256; r += 5) {
      for (int g = 0; g < 256; g += 5) {
        for (int b = 0; b < 256; b += 5) {
          const std::uint8_t rgb[]{static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(g),
                                   static_cast<std::uint8_t>(b)};
          std::uint8_t out[3];
          Planes planes(1, 1, 0, 0);
          there.convert(rgb, planes.view);
          back.convert(planes.read(), out);
          for (int i = 0; i < 3; ++i) {
            ASSERT_LE(std::abs(out[i] - rgb[i]), 2) << r << " " << g << " " << b;
            bias += out[i] - rgb[i];
            ++values;
          }
        }
      }
    }
    EXPECT_LT(std::abs(bias / values), 0.01);
  }
}

TEST(Yuv, GreyStaysGreyAndTheEndsStayTheEnds) {
  for (const YuvCoding& coding : kCodings) {
    const RgbToYuv there(coding);
    const YuvToRgb back(coding);
    for (int grey = 0; grey < 256; ++grey) {
      const auto value = static_cast<std::uint8_t>(grey);
      const std::uint8_t rgb[]{value, value, value};
      std::uint8_t out[3];
      Planes planes(1, 1, 0, 0);
      there.convert(rgb, planes.view);
      back.convert(planes.read(), out);
      EXPECT_EQ(out[0], out[1]);
      EXPECT_EQ(out[1], out[2]);
      EXPECT_LE(std::abs(out[0] - grey), 1);
      if (grey == 0 || grey == 255) {
        EXPECT_EQ(out[0], grey);
      }
    }
  }
}

TEST(Yuv, HalvedColourIsTheMeanAlsoAtOddEdges) {
  // Red on the left column, blue on the other two, 3x3: colour is 2x2 with a column of its own on the right.
  const YuvCoding coding{0.299, 0.114, true};
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < 3; ++y) {
    for (int x = 0; x < 3; ++x) {
      for (const int value : {x == 0 ? 200 : 0, 0, x == 0 ? 0 : 200}) rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  Planes planes(3, 3, 1, 1);
  RgbToYuv(coding).convert(rgb.data(), planes.view);
  const auto mixed = yuv_of(100, 0, 100, coding);
  const auto blue = yuv_of(0, 0, 200, coding);
  for (int row = 0; row < 2; ++row) {
    EXPECT_NEAR(planes.view.planes[1][row * 2], mixed[1], 0.51);
    EXPECT_NEAR(planes.view.planes[2][row * 2], mixed[2], 0.51);
    EXPECT_NEAR(planes.view.planes[1][row * 2 + 1], blue[1], 0.51);
    EXPECT_NEAR(planes.view.planes[2][row * 2 + 1], blue[2], 0.51);
  }
  std::vector<std::uint8_t> out(rgb.size());
  YuvToRgb(coding).convert(planes.read(), out.data());
  EXPECT_NEAR(out[8], 200, 2) << "the right column keeps its colour";
}

TEST(Yuv, RowsMayHavePadding) {
  const YuvCoding coding;
  std::vector<std::uint8_t> bytes(64, 99);
  const YuvPlanes<std::uint8_t> padded{{bytes.data(), bytes.data() + 32, bytes.data() + 48}, {16, 8, 8}, 2, 2, 1, 1};
  const std::vector<std::uint8_t> white(12, 255);
  RgbToYuv(coding).convert(white.data(), padded);
  EXPECT_EQ(bytes[0], 235);
  EXPECT_EQ(bytes[17], 235);
  EXPECT_EQ(bytes[2], 99);
  EXPECT_EQ(bytes[32], 128);
  EXPECT_EQ(bytes[33], 99);
}

}  // namespace
}  // namespace comfystream::media
