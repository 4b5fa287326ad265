// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/convert.hpp"

#include "comfystream/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using testing::ElementsAre;

Workflow nodes(std::initializer_list<const char*> classes) {
  Workflow workflow;
  for (const char* class_type : classes) {
    WorkflowNode node;
    node.id = std::to_string(workflow.nodes.size() + 1);
    node.class_type = class_type;
    node.inputs = {{"image", "a.png"}};
    workflow.nodes.push_back(std::move(node));
  }
  return workflow;
}

std::vector<std::string> converted(std::initializer_list<const char*> classes) {
  std::vector<std::string> result;
  for (const WorkflowNode& node : convert_prompt(nodes(classes)).nodes) result.push_back(node.class_type);
  return result;
}

std::string refusal(std::initializer_list<const char*> classes) {
  try {
    (void)convert_prompt(nodes(classes));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kValidation);
    return error.message();
  }
  return "nothing was thrown";
}

TEST(ConvertPrompt, MakesALoneLoadImageAndThePreviewLive) {
  const Workflow workflow = convert_prompt(nodes({"LoadImage", "VAEDecode", "PreviewImage"}));
  EXPECT_EQ(workflow.nodes[0].class_type, "LoadTensor");
  EXPECT_TRUE(workflow.nodes[0].inputs.empty());
  EXPECT_EQ(workflow.nodes[1].class_type, "VAEDecode");
  EXPECT_EQ(workflow.nodes[2].class_type, "SaveTensor");
  EXPECT_FALSE(workflow.nodes[2].inputs.empty());
}

TEST(ConvertPrompt, PrefersThePrimaryInput) {
  EXPECT_THAT(converted({"LoadImage", "PrimaryInputLoadImage", "SaveImage"}),
              ElementsAre("LoadImage", "LoadTensor", "SaveTensor"));
  EXPECT_THAT(converted({"LoadImage", "LoadImage", "LoadImage", "PrimaryInputLoadImage", "SaveTensor"}),
              ElementsAre("LoadImage", "LoadImage", "LoadImage", "LoadTensor", "SaveTensor"));
}

TEST(ConvertPrompt, LeavesTwoLoadImagesAlone) {
  EXPECT_THAT(converted({"LoadImage", "LoadImage", "SaveTensor"}), ElementsAre("LoadImage", "LoadImage", "SaveTensor"));
}

TEST(ConvertPrompt, LeavesAPictureBesideALiveInputStill) {
  EXPECT_THAT(converted({"LoadBatchTensor", "LoadImage", "SaveBatchTensor"}),
              ElementsAre("LoadBatchTensor", "LoadImage", "SaveBatchTensor"));
}

TEST(ConvertPrompt, KeepsOneLiveOutput) {
  EXPECT_THAT(converted({"LoadTensor", "SaveTensor", "PreviewImage", "SaveImage"}),
              ElementsAre("LoadTensor", "SaveTensor", "PreviewImage", "SaveImage"));
  EXPECT_THAT(converted({"LoadTensor", "SaveBatchTensor", "PreviewImage"}),
              ElementsAre("LoadTensor", "SaveBatchTensor", "PreviewImage"));
  EXPECT_THAT(converted({"LoadTensor", "PreviewImage", "SaveImage"}),
              ElementsAre("LoadTensor", "PreviewImage", "SaveTensor"));
}

TEST(ConvertPrompt, RefusesInComfyStreamsWords) {
  EXPECT_EQ(refusal({"PrimaryInputLoadImage", "PrimaryInputLoadImage", "SaveTensor"}),
            "too many primary inputs in prompt");
  EXPECT_EQ(refusal({"LoadTensor", "LoadImage", "LoadAudioTensor", "SaveTensor"}), "too many inputs in prompt");
  EXPECT_EQ(refusal({"LoadTensor", "SaveTensor", "PreviewImage", "SaveImage", "SaveTextTensor"}),
            "too many outputs in prompt");
  EXPECT_EQ(refusal({"SaveTensor"}), "missing input");
  EXPECT_EQ(refusal({"LoadTensor"}), "missing output");
  EXPECT_EQ(refusal({"KSampler"}), "missing input");
}

TEST(ConvertPrompt, SaysWhichFile) {
  Workflow workflow = nodes({"LoadTensor"});
  workflow.origin = "w.json";
  try {
    (void)convert_prompt(workflow);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "w.json: missing output");
  }
}

TEST(ConvertPrompt, LeavesWorkflowsThatBuildEnginesAlone) {
  EXPECT_THAT(converted({"CheckpointLoaderSimple", "DYNAMIC_TRT_MODEL_CONVERSION"}),
              ElementsAre("CheckpointLoaderSimple", "DYNAMIC_TRT_MODEL_CONVERSION"));
  EXPECT_EQ(refusal({"LoadTensor", "STATIC_TRT_MODEL_CONVERSION"}), "missing output");
}

TEST(LiveIo, FollowsComfyStreamsClassLists) {
  const LiveIo video = live_io(nodes({"LoadBatchTensor", "SaveBatchTensor"}));
  EXPECT_TRUE(video.video_in && video.video_out);
  EXPECT_FALSE(video.audio_in || video.audio_out || video.text_out);
  const LiveIo sound = live_io(nodes({"LoadAudioTensor", "SaveAudioTensor", "SaveTextTensor"}));
  EXPECT_TRUE(sound.audio_in && sound.audio_out && sound.text_out);
  EXPECT_FALSE(sound.video_in || sound.video_out);
}

}  // namespace
}  // namespace comfystream::workflow
