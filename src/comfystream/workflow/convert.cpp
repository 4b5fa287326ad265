// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/convert.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace comfystream::workflow {
namespace {

using Classes = std::initializer_list<std::string_view>;

constexpr std::array<std::string_view, 2> kLiveInputs{"LoadTensor", "LoadBatchTensor"};
constexpr std::array<std::string_view, 2> kLiveOutputs{"SaveTensor", "SaveBatchTensor"};

std::ptrdiff_t count(const Workflow& workflow, Classes classes) {
  return std::count_if(workflow.nodes.begin(), workflow.nodes.end(), [&](const WorkflowNode& node) {
    return std::find(classes.begin(), classes.end(), node.class_type) != classes.end();
  });
}

bool has_any(const Workflow& workflow, Classes classes) { return count(workflow, classes) > 0; }

void convert_class(Workflow& workflow, std::string_view from, const char* to) {
  for (WorkflowNode& node : workflow.nodes) {
    if (node.class_type != from) continue;
    node.class_type = to;
    // A converted input has no inputs of its own: the picture it named is not read.
    if (to == kLiveInputs[0]) node.inputs = Json::object();
  }
}

void refuse(const Workflow& workflow, const char* what, const char* hint) {
  throw Error(ErrorCode::kValidation, (workflow.origin.empty() ? "" : workflow.origin + ": ") + what, hint);
}

bool only_builds_engines(const Workflow& workflow) {
  return has_any(workflow,
                 {"DYNAMIC_TRT_MODEL_CONVERSION", "STATIC_TRT_MODEL_CONVERSION", "DepthAnythingEngineBuilder"}) &&
         !has_any(workflow, {"LoadTensor", "LoadBatchTensor", "PrimaryInputLoadImage", "SaveTensor", "SaveBatchTensor",
                             "PreviewImage", "SaveImage"});
}

struct Counts {
  std::ptrdiff_t primary = 0;
  std::ptrdiff_t inputs = 0;
  std::ptrdiff_t outputs = 0;
};

void check_counts(const Workflow& workflow, const Counts& counts) {
  constexpr std::ptrdiff_t kMostInputs = 2;
  constexpr std::ptrdiff_t kMostOutputs = 3;
  if (counts.primary > 1) {
    refuse(workflow, "too many primary inputs in prompt", "keep one PrimaryInputLoadImage");
  }
  if (counts.primary == 0 && counts.inputs > kMostInputs) {
    refuse(workflow, "too many inputs in prompt", "mark the live one by making it a PrimaryInputLoadImage");
  }
  if (counts.outputs > kMostOutputs) {
    refuse(workflow, "too many outputs in prompt", "keep at most three SaveTensor, PreviewImage and SaveImage");
  }
  if (counts.primary + counts.inputs == 0) refuse(workflow, "missing input", "add a LoadTensor or a LoadImage");
  if (counts.outputs == 0) refuse(workflow, "missing output", "end the workflow with a SaveTensor or a PreviewImage");
}

void convert_input(Workflow& workflow, const Counts& counts) {
  if (counts.primary > 0) return convert_class(workflow, "PrimaryInputLoadImage", "LoadTensor");
  const bool has_live = has_any(workflow, {kLiveInputs[0], kLiveInputs[1]});
  if (!has_live && count(workflow, {"LoadImage"}) == 1) convert_class(workflow, "LoadImage", "LoadTensor");
}

void convert_output(Workflow& workflow) {
  if (has_any(workflow, {kLiveOutputs[0], kLiveOutputs[1]})) return;
  convert_class(workflow, has_any(workflow, {"SaveImage"}) ? "SaveImage" : "PreviewImage", "SaveTensor");
}

}  // namespace

Workflow convert_prompt(Workflow workflow) {
  if (only_builds_engines(workflow)) return workflow;
  const Counts counts{count(workflow, {"PrimaryInputLoadImage"}),
                      count(workflow, {"LoadTensor", "LoadBatchTensor", "LoadImage", "LoadAudioTensor"}),
                      count(workflow, {"SaveTensor", "SaveBatchTensor", "PreviewImage", "SaveImage", "SaveAudioTensor",
                                       "SaveTextTensor"})};
  check_counts(workflow, counts);
  convert_input(workflow, counts);
  convert_output(workflow);
  return workflow;
}

LiveIo live_io(const Workflow& workflow) {
  LiveIo io;
  io.video_in = has_any(workflow, {"LoadTensor", "LoadBatchTensor", "PrimaryInputLoadImage", "LoadImage"});
  io.video_out = has_any(workflow, {"SaveTensor", "SaveBatchTensor", "PreviewImage", "SaveImage"});
  io.audio_in = has_any(workflow, {"LoadAudioTensor"});
  io.audio_out = has_any(workflow, {"SaveAudioTensor"});
  io.text_out = has_any(workflow, {"SaveTextTensor"});
  return io;
}

}  // namespace comfystream::workflow
