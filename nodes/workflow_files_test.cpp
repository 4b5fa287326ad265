// SPDX-License-Identifier: Apache-2.0
// The workflows that come with the program, and ComfyStream's own where they are at hand.
#include "comfystream/workflow/convert.hpp"
#include "comfystream/workflow/validate.hpp"
#include "nodes/register_nodes.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path kSource = COMFYSTREAM_SOURCE_DIR;

/// ComfyStream's workflows; empty where they are not.
fs::path upstream_folder() {
  const char* shared = std::getenv("COMFYSTREAM_SHARED");
  const fs::path folder = (shared != nullptr ? fs::path(shared) : kSource.parent_path() / "shared") / "workflows";
  return fs::is_directory(folder) ? folder : fs::path();
}

std::set<std::string> classes_of(const workflow::Workflow& workflow) {
  std::set<std::string> classes;
  for (const auto& node : workflow.nodes) classes.insert(node.class_type);
  return classes;
}

class WorkflowFiles : public ::testing::Test {
 protected:
  /// A models folder with every file that the workflows name, all empty: validation looks at names only.
  WorkflowFiles() {
    nodes::register_nodes(registry_);
    for (const char* name :
         {"models/tensorrt/static-dreamshaper8_SD15_$stat-b-1-h-512-w-512_00001_.engine",
          "models/tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-512_00001_.engine",
          "models/tensorrt/depth-anything/depth_anything_vitl14-fp16.engine",
          "models/tensorrt/depth-anything/depth_anything_v2_vitl-fp16.engine",
          "models/controlnet/control_v11f1p_sd15_depth_fp16.safetensors", "models/clip/CLIPText/model.fp16.safetensors",
          "models/vae_approx/taesd_encoder.safetensors", "models/vae_approx/taesd_decoder.safetensors",
          "input/example.png"}) {
      folder_.write(name, "");
    }
    folders_ = workflow::ModelFolders(folder_ / "models");
  }

  [[nodiscard]] workflow::Validation validate(const fs::path& path) const {
    return workflow::validate(workflow::convert_prompt(workflow::load_workflow(path)), registry_, folders_);
  }

  TestFolder folder_;
  workflow::NodeRegistry registry_;
  workflow::ModelFolders folders_;
};

TEST_F(WorkflowFiles, BatchWorkflowsAreValidAndHaveTheirParts) {
  const std::set<std::string> parts{"LoadBatchTensor", "DepthAnythingTensorrt",   "TensorRTLoader",
                                    "KSampler",        "ControlNetApplyAdvanced", "VAEDecode",
                                    "SaveBatchTensor"};
  for (const char* name : {"sd15-tensorrt-batch2-api.json", "sd15-tensorrt-batch2-tensor-api.json",
                           "sd15-tensorrt-batch2-performance-api.json"}) {
    SCOPED_TRACE(name);
    const auto validation = validate(kSource / "workflows/comfystream" / name);
    EXPECT_TRUE(validation.valid && validation.node_errors.empty()) << validation.to_text();
    const auto classes = classes_of(validation.workflow);
    for (const std::string& part : parts) EXPECT_TRUE(classes.contains(part)) << part;
    const bool timed = classes.contains("StartPerformanceTimerNode") && classes.contains("PerformanceTimerNode");
    EXPECT_EQ(timed, std::string(name).find("performance") != std::string::npos);
    EXPECT_EQ(validation.workflow.find("1")->inputs["batch_size"], 2);
  }
}

TEST_F(WorkflowFiles, BatchWorkflowsNameWhatIsMissing) {
  const auto validation = workflow::validate(
      workflow::load_workflow(kSource / "workflows/comfystream/sd15-tensorrt-batch2-api.json"), registry_, {});
  EXPECT_FALSE(validation.valid);
  for (const char* file : {"static-dreamshaper8_SD15_$stat-b-2-h-512-w-512_00001_.engine", "depth_anything_vitl14",
                           "control_v11f1p_sd15_depth_fp16", "CLIPText/model.fp16.safetensors", "taesd"}) {
    EXPECT_THAT(validation.to_text(), HasSubstr(file));
  }
}

TEST_F(WorkflowFiles, ComfyStreamsWorkflowsValidateOrNameWhatIsMissing) {
  const fs::path folder = upstream_folder();
  if (folder.empty()) GTEST_SKIP() << "no shared/workflows beside the repository: set COMFYSTREAM_SHARED";
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with("-api.json")) continue;
    SCOPED_TRACE(name);
    ++seen;
    const auto validation = validate(entry.path());
    if (name == "sd15-regional-lora-api.json") {
      EXPECT_FALSE(validation.valid);
      EXPECT_EQ(validation.error["type"], "invalid_prompt");
      const std::string text = validation.to_text();
      for (const char* missing :
           {"Node ID '#42' (CreateHookLora, titled 'Create Hook LoRA')", "'#46' (CreateHookLora", "'#38' (SetClipHooks",
            "'#39' (SetClipHooks", "'#37' (PairConditioningSetProperties, titled 'Cond Pair Set Props')",
            "'#40' (PairConditioningSetPropertiesAndCombine"}) {
        EXPECT_THAT(text, HasSubstr(missing));
      }
      EXPECT_THAT(validation.node_errors, IsEmpty()) << "the nodes that are there are right";
    } else {
      EXPECT_TRUE(validation.valid && validation.node_errors.empty()) << validation.to_text();
    }
  }
  EXPECT_GE(seen, 7);
}

TEST_F(WorkflowFiles, ComfyStreamsStillPictureExampleIsMadeLive) {
  const fs::path folder = upstream_folder();
  if (folder.empty()) GTEST_SKIP() << "no shared/workflows beside the repository: set COMFYSTREAM_SHARED";
  const auto validation = validate(folder / "load-preview-image-example.json");
  EXPECT_TRUE(validation.valid) << validation.to_text();
  EXPECT_EQ(classes_of(validation.workflow), (std::set<std::string>{"LoadTensor", "SaveTensor"}));
}

TEST_F(WorkflowFiles, FilesOfTheEditorSayHowToExportThem) {
  const fs::path folder = upstream_folder();
  if (folder.empty()) GTEST_SKIP() << "no shared/workflows beside the repository: set COMFYSTREAM_SHARED";
  for (const char* name : {"build-dynamic-tensorrt-engine.json", "build-static-tensorrt-engine.json"}) {
    const auto error = thrown_by([&] { return workflow::load_workflow(folder / name); });
    EXPECT_THAT(error.message(), HasSubstr("format of ComfyUI's editor"));
    EXPECT_THAT(error.hint(), HasSubstr("Export (API)"));
  }
}

TEST_F(WorkflowFiles, EveryNodeDescribesItselfForTheEditor) {
  const auto info = workflow::object_info(registry_, folders_);
  EXPECT_EQ(info.size(), registry_.types().size());
  for (const auto& [name, node] : info.items()) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(node["python_module"].get<std::string>().empty());
    EXPECT_FALSE(node["category"].get<std::string>().empty());
    EXPECT_EQ(node["output"].size(), node["output_name"].size());
    EXPECT_TRUE(node["output_node"].get<bool>() || !node["output"].empty());
  }
  EXPECT_EQ(info["KSampler"]["input"]["required"]["seed"],
            workflow::Json::parse(R"(["INT", {"default": 0, "min": 0, "max": 18446744073709551615}])"));
  EXPECT_EQ(info["LoadBatchTensor"]["input"]["required"]["batch_size"][1]["max"], 8);
  EXPECT_EQ(info["TensorRTLoader"]["input"]["required"]["unet_name"][0].size(), 4U);
  EXPECT_EQ(info["LoadImage"], workflow::Json::parse(R"({
    "input": {"required": {"image": [["example.png"], {"image_upload": true}]}},
    "input_order": {"required": ["image"]},
    "output": ["IMAGE", "MASK"], "output_is_list": [false, false], "output_name": ["IMAGE", "MASK"],
    "name": "LoadImage", "display_name": "Load Image", "description": "Loads a picture of the input folder.",
    "python_module": "nodes", "category": "image", "output_node": false})"));
}

}  // namespace
}  // namespace comfystream::tests
