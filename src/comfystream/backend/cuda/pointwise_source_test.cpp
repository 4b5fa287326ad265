// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/pointwise_source.hpp"

#include "comfystream/backend/cuda/jit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend::cuda {
namespace {

using testing::HasSubstr;

View nhwc(DType dtype, const Dims& dims) { return {0, dtype, dims, dense_strides(dims, {0, 2, 3, 1}), 0}; }

PointwiseBody sum_of(const View& out, const View& a, const View& b) {
  return {out, {a, broadcast(b, out.dims)}, {}, "a0 + a1"};
}

TEST(PointwiseSource, ReadsSixteenBytesAtATimeWhereLayoutsAgree) {
  const Dims dims{2, 320, 8, 8};
  const View map = nhwc(DType::kF16, dims);
  const View shift{1, DType::kF16, {1, 320, 1, 1}, {0, 1, 0, 0}, 0};
  const auto kernel = make_pointwise_kernel({sum_of(map, map, shift)});
  EXPECT_THAT(kernel.source, HasSubstr("Pack<u16, 8>"));
  EXPECT_EQ(kernel.threads, (std::vector<std::int64_t>{2 * 320 * 64 / 8}));
  EXPECT_EQ(kernel.operands.size(), 3U);
}

TEST(PointwiseSource, BatchSizesShareASource) {
  const auto source = [](std::int64_t batch) {
    const View map = nhwc(DType::kF16, {batch, 32, 4, 4});
    const View fixed{1, DType::kF32, {1, 32, 4, 4}, row_major({1, 32, 4, 4}), 0};
    return make_pointwise_kernel({sum_of(map, map, fixed)}).source;
  };
  EXPECT_EQ(source(2), source(8));
}

TEST(PointwiseSource, AChangeOfLayoutGoesElementByElement) {
  const Dims dims{2, 3, 5, 7};
  const View planar{0, DType::kF32, dims, row_major(dims), 0};
  const auto kernel = make_pointwise_kernel({{nhwc(DType::kF16, dims), {planar}, {}, "a0"}});
  EXPECT_EQ(kernel.threads[0], 210);
}

TEST(PointwiseSource, BodiesRunSideBySideAndCompile) {
  const View out{0, DType::kF16, {2, 24}, {24, 1}, 0};
  const View bytes{1, DType::kU8, {2, 16}, {16, 1}, 0};
  const auto kernel = make_pointwise_kernel(
      {{sliced(out, 1, 0, 16), {bytes}, {"const float v1 = (float)a0 / 255.0f;"}, "gelu(silu(v1))"},
       {sliced(out, 1, 16, 24), {}, {}, "0.0f"}});
  EXPECT_EQ(kernel.threads.size(), 2U);
  EXPECT_FALSE(compile_source(kernel.source, "sm_90").empty());
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI32, DType::kI64, DType::kBool}) {
    const View same{0, dtype, {7}, {1}, 0};
    EXPECT_FALSE(compile_source(make_pointwise_kernel({{same, {same}, {}, "a0"}}).source, "sm_90").empty());
  }
}

TEST(PointwiseSource, TypesOfOneSizeAreDifferentKernels) {
  const auto source = [](DType dtype) {
    const View map = nhwc(dtype, {2, 16, 4, 4});
    return make_pointwise_kernel({sum_of(map, map, map)}).source;
  };
  EXPECT_NE(source(DType::kF16), source(DType::kBF16));
  EXPECT_THAT(source(DType::kBF16), HasSubstr("Pack<u16, 8>"));
}

TEST(PointwiseSource, ABrokenKernelSaysWhatTheCompilerSaid) {
  const View one{0, DType::kF32, {1}, {1}, 0};
  EXPECT_THROW(
      {
        try {
          static_cast<void>(compile_source(make_pointwise_kernel({{one, {}, {}, "no_such_name"}}).source, "sm_90"));
        } catch (const std::exception& error) {
          EXPECT_THAT(error.what(), HasSubstr("no_such_name"));
          throw;
        }
      },
      std::exception);
}

}  // namespace
}  // namespace comfystream::backend::cuda
