// SPDX-License-Identifier: Apache-2.0
#include "nodes/sampling/hint.hpp"

#include "tests/support/run_reference.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::nodes {
namespace {

using ::testing::ElementsAre;

/// A picture whose red says the column and whose green says the row, brought to height x width.
Tensor hint_of(std::int64_t old_height, std::int64_t old_width, std::int64_t channels, std::int64_t height,
               std::int64_t width) {
  Tensor image(DType::kF32, {1, old_height, old_width, channels});
  const auto values = image.mutable_values<float>();
  for (std::int64_t i = 0; i < old_height * old_width; ++i) {
    const std::int64_t row = i / old_width;
    values[static_cast<std::size_t>(i * channels)] = static_cast<float>(i % old_width);
    values[static_cast<std::size_t>(i * channels + 1)] = static_cast<float>(row);
  }
  graph::Builder builder;
  builder.output("hint", trace_hint(builder, builder.constant(image), height, width));
  return tests::run_reference(builder.take(), {}, 1).front();
}

std::vector<float> columns_of(const Tensor& hint) {
  const auto red = hint.values<float>().first(static_cast<std::size_t>(hint.shape()[3]));
  return {red.begin(), red.end()};
}

std::vector<float> rows_of(const Tensor& hint) {
  const auto [height, width] = std::pair(hint.shape()[2], hint.shape()[3]);
  std::vector<float> rows;
  for (std::int64_t y = 0; y < height; ++y) {
    rows.push_back(hint.values<float>()[static_cast<std::size_t>((height + y) * width)]);
  }
  return rows;
}

TEST(Hint, TakesTheNearestPixelsExactly) {
  const Tensor hint = hint_of(3, 5, 3, 6, 10);
  EXPECT_THAT(columns_of(hint), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3, 4, 4));
  EXPECT_THAT(rows_of(hint), ElementsAre(0, 0, 1, 1, 2, 2));
  // Pixel centres: column i reads floor((i + 0.5) * 8 / 5), where plain nearest would read floor(i * 8 / 5).
  EXPECT_THAT(columns_of(hint_of(8, 8, 3, 5, 5)), ElementsAre(0, 2, 4, 5, 7));
}

TEST(Hint, CutsTheMiddleOfWiderAndTallerPictures) {
  EXPECT_THAT(columns_of(hint_of(4, 10, 3, 4, 4)), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(rows_of(hint_of(10, 4, 3, 4, 4)), ElementsAre(3, 4, 5, 6));
}

TEST(Hint, HalfPixelsAreRoundedToTheEvenNumber) {
  // (9 - 4) / 2 = 2.5 columns on either side: 2, so five columns are left for four.
  EXPECT_THAT(columns_of(hint_of(4, 9, 3, 4, 4)), ElementsAre(2, 3, 5, 6));
  // (11 - 4) / 2 = 3.5: 4, so three are left.
  EXPECT_THAT(columns_of(hint_of(4, 11, 3, 4, 4)), ElementsAre(4, 5, 5, 6));
}

TEST(Hint, LeavesAlphaOut) { EXPECT_EQ(hint_of(4, 4, 4, 4, 4).shape(), (Shape{1, 3, 4, 4})); }

}  // namespace
}  // namespace comfystream::nodes
