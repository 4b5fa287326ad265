// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/view.hpp"

#include <gtest/gtest.h>

namespace comfystream::backend::cuda {
namespace {

View dense(const Dims& dims) { return {0, DType::kF32, dims, row_major(dims), 0}; }

TEST(View, AMapWithChannelsInsideIsTokensWithoutACopy) {
  const View map{0, DType::kF16, {2, 320, 8, 6}, dense_strides({2, 320, 8, 6}, {0, 2, 3, 1}), 0};
  const auto tokens = reshaped(transposed(map, {0, 2, 3, 1}), {2, 48, 320});
  ASSERT_TRUE(tokens);
  EXPECT_TRUE(is_row_major(*tokens));
  const auto matrix = as_matrix(*tokens);
  ASSERT_TRUE(matrix);
  EXPECT_EQ(matrix->rows, 96);
  EXPECT_EQ(matrix->row_stride, 320);
}

TEST(View, ReshapeSeesWhatNeedsACopy) {
  EXPECT_FALSE(reshaped(transposed(dense({4, 6}), {1, 0}), {24}));
  EXPECT_TRUE(reshaped(transposed(dense({4, 6}), {1, 0}), {6, 2, 2}));
  EXPECT_FALSE(reshaped(sliced(dense({2, 10, 4}), 1, 1, 10), {18, 4}));
  const auto split = reshaped(sliced(dense({2, 10, 4}), 1, 1, 10), {2, 3, 3, 4});
  ASSERT_TRUE(split);
  EXPECT_EQ(split->strides, (Dims{40, 12, 4, 1}));
  EXPECT_EQ(split->offset, 4);
}

TEST(View, SlicesOfColumnsKeepTheirRows) {
  const View part = sliced(dense({3, 5, 24}), 2, 8, 16);
  const auto matrix = as_matrix(part);
  ASSERT_TRUE(matrix);
  EXPECT_EQ(matrix->rows, 15);
  EXPECT_EQ(matrix->columns, 8);
  EXPECT_EQ(matrix->row_stride, 24);
  EXPECT_FALSE(as_matrix(sliced(dense({3, 5, 24}), 1, 1, 5)));
  EXPECT_TRUE(as_matrix(sliced(dense({1, 5, 24}), 1, 1, 5)));
}

TEST(View, RepeatedDimensionsHaveNoStride) {
  const View repeated = broadcast(dense({1, 6, 1}), {4, 2, 6, 3});
  EXPECT_EQ(repeated.strides, (Dims{0, 0, 1, 0}));
}

TEST(View, AxisOrderIsTheOneInMemory) {
  const View map{0, DType::kF16, {2, 320, 8, 6}, dense_strides({2, 320, 8, 6}, {0, 2, 3, 1}), 0};
  EXPECT_EQ(axis_order(map), (std::vector<std::size_t>{0, 2, 3, 1}));
  EXPECT_EQ(axis_order(dense({1, 3, 1, 5})), (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(View, MergedDimensionsAreThoseThatAllTensorsWalkAlike) {
  const auto merged = merge_dims(Dims{2, 3, 4, 5}, {{60, 20, 5, 1}, {0, 20, 5, 1}});
  EXPECT_EQ(merged.dims, (Dims{2, 60}));
  EXPECT_EQ(merged.strides[1], (Dims{0, 1}));
}

}  // namespace
}  // namespace comfystream::backend::cuda
