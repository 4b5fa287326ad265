// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/bench_kernels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::app {
namespace {

using testing::HasSubstr;

std::vector<backend::StepTime> steps() {
  return {{"conv2d 3x3 4->8 64x64", "unet/down", 100, 4e10, 1'000'000},
          {"group_norm 8 4096", "unet/down", 50, 0, 150'000'000},
          {"conv2d 1x1 8->8 64x64", "decode", 300, 4e10, 2'000'000},
          {"copy", "", 10, 0, 10'000}};
}

TEST(BenchKernels, SumsByKindLongestFirst) {
  const auto sums = sum_by_kind(steps());
  ASSERT_EQ(sums.size(), 3U);
  EXPECT_EQ(sums[0].name, "conv2d");
  EXPECT_EQ(sums[0].count, 2);
  EXPECT_DOUBLE_EQ(sums[0].milliseconds, 0.4);
  EXPECT_DOUBLE_EQ(sums[0].flops, 8e10);
  EXPECT_EQ(sums[1].name, "group_norm");
  EXPECT_EQ(sums[2].name, "copy");
}

TEST(BenchKernels, SumsByNode) {
  const auto sums = sum_by_node(steps());
  ASSERT_EQ(sums.size(), 3U);
  EXPECT_EQ(sums[0].name, "decode");
  EXPECT_EQ(sums[1].name, "unet");
  EXPECT_EQ(sums[2].name, "other");
}

TEST(BenchKernels, TheTableTellsWhatWasReached) {
  const std::string table = to_table(sum_by_kind(steps()), {400e12, 4e12});
  EXPECT_THAT(table, HasSubstr("200.0 (50 %)")) << "8e10 in 0.4 ms";
  EXPECT_THAT(table, HasSubstr("3000.0 (75 %)")) << "150 MB in 0.05 ms";
  EXPECT_THAT(table, HasSubstr("all, one after the other"));
  EXPECT_THAT(to_table(sum_by_kind(steps()), {}), testing::Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace comfystream::app
