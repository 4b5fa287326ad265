// SPDX-License-Identifier: Apache-2.0
// Where frames enter and leave, what is looked at beside them, and what is timed.
#include "tests/support/node_workflow.hpp"
#include "tests/support/thrown_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float kStep = 1.0F / 64;

class StreamNodes : public ::testing::Test {
 protected:
  NodeWorkflow workflow_;
};

TEST_F(StreamNodes, FramesPassUnchanged) {
  const Tensor frames = counting_frames(2, 2, 2, kStep);
  const auto values = frames.values<float>();
  EXPECT_EQ(workflow_.run(R"({"1": {"class_type": "LoadTensor", "inputs": {"batch_size": 2, "timeout_seconds": 1.0}},
                    "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0], "split_batch": true}}})",
                          frames),
            std::vector<float>(values.begin(), values.end()));
}

TEST_F(StreamNodes, LoadNodesDeclareTheirBatch) {
  const auto declared = [&](std::string_view load) {
    const std::string json = R"({"1": )" + std::string(load) +
                             R"(, "2": {"class_type": "SaveBatchTensor", "inputs": {"images": ["1", 0]}}})";
    return workflow_.trace(json, {}).max_batch;
  };
  EXPECT_EQ(declared(R"({"class_type": "LoadTensor", "inputs": {}})"), 1);
  EXPECT_EQ(declared(R"({"class_type": "LoadTensor", "inputs": {"batch_size": 3}})"), 3);
  EXPECT_EQ(declared(R"({"class_type": "LoadBatchTensor", "inputs": {"batch_size": "8"}})"), 8);
}

TEST_F(StreamNodes, PreviewsAreTapsBesideTheLiveOutput) {
  constexpr const char* kTaps = R"({
    "1": {"class_type": "LoadTensor", "inputs": {}},
    "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}},
    "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}}})";
  auto options = NodeWorkflow::float_options(counting_frames(1, 2, 2, kStep), 1);
  const auto without = workflow_.trace(kTaps, options);
  EXPECT_TRUE(without.taps.empty());
  EXPECT_THAT(without.notes, ElementsAre(HasSubstr("PreviewImage #3: a debug tap beside the live output"),
                                         HasSubstr("SaveImage #4: a debug tap beside the live output")));
  options.keep_taps = true;
  const auto traced = workflow_.trace(kTaps, options);
  EXPECT_THAT(traced.notes, IsEmpty());
  ASSERT_EQ(traced.taps.size(), 2U);
  EXPECT_EQ(traced.taps[1].node_id, "4");
  EXPECT_EQ(traced.taps[1].name_prefix, "out");
}

TEST_F(StreamNodes, TimersRunWithoutLinks) {
  const auto traced = workflow_.trace(R"({
    "1": {"class_type": "LoadTensor", "inputs": {}},
    "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}},
    "3": {"class_type": "StartPerformanceTimerNode", "inputs": {"operation": "all"}},
    "4": {"class_type": "PerformanceTimerNode", "inputs": {"operation": "all", "batch_size": 2, "num_images": 2}},
    "5": {"class_type": "PerformanceTimerNode", "inputs": {"operation": "more", "batch_size": 1, "num_images": 1}}})",
                                      {});
  EXPECT_THAT(traced.timed_operations, ElementsAre("all", "more"));
}

TEST_F(StreamNodes, ATimerLinkedToItsStartTimesTheSameOperation) {
  const auto traced = workflow_.trace(R"({
    "1": {"class_type": "LoadTensor", "inputs": {}},
    "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}},
    "3": {"class_type": "StartPerformanceTimerNode", "inputs": {"operation": "all"}},
    "4": {"class_type": "PerformanceTimerNode", "inputs": {"operation": ["3", 0], "batch_size": 2, "num_images": 2}}})",
                                      {});
  EXPECT_THAT(traced.timed_operations, ElementsAre("all"));
}

TEST_F(StreamNodes, SoundIsRefusedWithAWord) {
  const auto error = thrown_by([&] {
    return workflow_.trace(R"({"1": {"class_type": "LoadAudioTensor", "inputs": {"buffer_size": 500.0}},
                               "2": {"class_type": "PitchShifter", "inputs": {"audio": ["1", 0], "pitch_shift": 4}},
                               "3": {"class_type": "SaveAudioTensor", "inputs": {"audio": ["2", 0]}}})",
                           {});
  });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("sound and text are not processed here"));
  EXPECT_THAT(error.message(), HasSubstr("#"));
}

}  // namespace
}  // namespace comfystream::tests
