// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/memory_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend::cuda {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMiB = 1 << 20U;

TEST(MemoryFit, SharesWhatThereIsAmongTheSlots) {
  // A slot of 8 takes 100 + 8 * 50 = 500 MiB.
  MemoryShortage shortage{.max_batch = 8, .fixed = 100 * kMiB, .per_frame = 50 * kMiB, .total = 1000 * kMiB};
  shortage.free = 310 * kMiB;
  EXPECT_EQ(largest_that_fits(shortage), 4);
  shortage.slots = 1;  // 500 + 310 for two: 405 each
  EXPECT_EQ(largest_that_fits(shortage), 6);
  shortage.free = 90 * kMiB;
  shortage.slots = 0;
  EXPECT_EQ(largest_that_fits(shortage), 0);
  shortage.free = 5000 * kMiB;
  EXPECT_EQ(largest_that_fits(shortage), 7) << "what did not fit does not";
}

TEST(MemoryFit, TheErrorHasTheFiguresAndTheBatchThatFits) {
  const Error error = out_of_memory({8, 100 * kMiB, 50 * kMiB, 1, 2800 * kMiB, 310 * kMiB, 80000 * kMiB});
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(error.message(), testing::AllOf(HasSubstr("batches of 8 frames take 500 MiB"),
                                              HasSubstr("2800 MiB of weights"), HasSubstr("310 MiB of 80000 MiB")));
  EXPECT_THAT(error.hint(), HasSubstr("--batch-size 6"));
  EXPECT_THAT(out_of_memory({1, 100 * kMiB, 50 * kMiB, 0, 0, 0, kMiB}).hint(), HasSubstr("not even single frames"));
}

}  // namespace
}  // namespace comfystream::backend::cuda
