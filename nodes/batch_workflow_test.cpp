// SPDX-License-Identifier: Apache-2.0
// The batch workflow as a whole: what enters, what leaves, what may change live.
#include "comfystream/graph/fingerprint.hpp"
#include "tests/support/traced_workflow.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr workflow::Size kFrames{64, 32};

workflow::TraceOptions options(std::int64_t max_batch = 0) {
  return {.max_batch = max_batch, .size = {}, .frames = kFrames};
}

class BatchWorkflow : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { studio_ = new Studio; }
  static void TearDownTestSuite() {
    delete studio_;
    studio_ = nullptr;
  }
  void SetUp() override {
    if (clip_vocabulary().empty())
      GTEST_SKIP() << "no CLIP vocabulary: run ./test once, or set COMFYSTREAM_CLIP_VOCABULARY";
  }
  static workflow::TracedWorkflow trace(const Json& json, std::int64_t max_batch = 0) {
    return studio_->trace(json, options(max_batch));
  }

  static inline Studio* studio_ = nullptr;
};

TEST_F(BatchWorkflow, TakesFramesAndGivesPicturesOfTheLatentsSize) {
  const auto traced = trace(batch_workflow());
  EXPECT_TRUE(traced.live);
  EXPECT_FALSE(traced.passthrough);
  EXPECT_FALSE(traced.fixed_batch);
  EXPECT_EQ(traced.max_batch, 4) << "LoadBatchTensor's batch_size";
  EXPECT_EQ(traced.input, kFrames);
  EXPECT_EQ(traced.output, (workflow::Size{64, 32}));
  EXPECT_THAT(parameter_names(traced.graph),
              ElementsAre("5.text", "5.text_weights", "6.text", "6.text_weights", "9.strength", "7.noise"));
  const Tensor out = run(traced, pictures(2, 32, 64));
  EXPECT_EQ(out.dtype(), DType::kU8);
  EXPECT_EQ(out.shape(), (Shape{2, 32, 64, 3}));
}

TEST_F(BatchWorkflow, AFramesPictureDoesNotDependOnItsBatch) {
  const auto traced = trace(batch_workflow());
  const Tensor three = run(traced, pictures(3, 32, 64));
  for (const std::int64_t slot : {0, 1, 2}) {
    EXPECT_TRUE(identical(row(three, slot), run(traced, pictures(1, 32, 64, slot)))) << "slot " << slot;
  }
  EXPECT_FALSE(identical(row(three, 0), row(three, 1)));
}

}  // namespace
}  // namespace comfystream::tests
