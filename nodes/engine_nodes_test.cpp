// SPDX-License-Identifier: Apache-2.0
// Workflows that write engine files.
#include "comfystream/core/log.hpp"
#include "comfystream/models/engine/engine.hpp"
#include "comfystream/workflow/convert.hpp"
#include "comfystream/workflow/trace.hpp"
#include "nodes/register_nodes.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/tiny_models.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EngineNodes : public ::testing::Test {
 protected:
  EngineNodes() { nodes::register_nodes(registry_); }

  workflow::TracedWorkflow build(std::string_view json) {
    workflow::ModelStore store(workflow::ModelFolders(models_.root()), {}, make_null_log());
    const auto parsed = workflow::convert_prompt(workflow::parse_workflow(json, "build.json"));
    return workflow::trace_workflow(workflow::validate_or_throw(parsed, registry_, store.folders()), registry_, store,
                                    {});
  }
  [[nodiscard]] fs::path output(const char* name) const { return models_.root().parent_path() / "output" / name; }

  TinyModels models_;
  workflow::NodeRegistry registry_;
};

constexpr const char* kStatic = R"({
  "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "unet.safetensors", "weight_dtype": "default"}},
  "2": {"class_type": "ONNXModelSelector", "inputs": {"model_name": "dreamshaper8_fp8.onnx"}},
  "3": {"class_type": "STATIC_TRT_MODEL_CONVERSION", "inputs": {"model": ["1", 0],
        "filename_prefix": "tensorrt/static-dreamshaper8", "batch_size_opt": 2, "height_opt": 512, "width_opt": 256,
        "context_opt": 1, "num_video_frames": 14, "onnx_model_path": ["2", 0]}}})";

TEST_F(EngineNodes, StaticConversionWritesAnEngineWithItsProfileAndName) {
  const auto built = build(kStatic);
  EXPECT_FALSE(built.live);
  const fs::path path = output("tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-256_00001_.engine");
  ASSERT_TRUE(fs::exists(path));
  const auto profile = engine::load_engine(path).info.profile;
  EXPECT_EQ(profile.batch, (engine::ProfileRange{2, 2, 2}));
  EXPECT_EQ(profile.height, (engine::ProfileRange{512, 512, 512}));
  EXPECT_EQ(profile.width, (engine::ProfileRange{256, 256, 256}));
  EXPECT_EQ(profile.context, (engine::ProfileRange{1, 1, 1}));
  ASSERT_EQ(built.notes.size(), 2U);
  EXPECT_THAT(built.notes[0], HasSubstr("the ONNX file is not read"));
  EXPECT_THAT(built.notes[1], HasSubstr(path.string()));
  (void)build(kStatic);
  EXPECT_TRUE(fs::exists(output("tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-256_00002_.engine")))
      << "an engine that is there is not overwritten";
  EXPECT_THAT(workflow::ModelFolders(models_.root()).list("tensorrt"),
              ::testing::Contains("static-dreamshaper8_SD15_$stat-b-2-h-512-w-256_00001_.engine"));
}

TEST_F(EngineNodes, DynamicConversionWritesRanges) {
  (void)build(R"({
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "all.safetensors"}},
    "2": {"class_type": "DYNAMIC_TRT_MODEL_CONVERSION", "inputs": {"model": ["1", 0],
          "filename_prefix": "tensorrt/dynamic-dreamshaper8", "batch_size_min": 1, "batch_size_opt": 2,
          "batch_size_max": 4, "height_min": 448, "height_opt": 512, "height_max": 704, "width_min": 448,
          "width_opt": 512, "width_max": 704, "context_min": 1, "context_opt": 1, "context_max": 128,
          "num_video_frames": 14}}})");
  const fs::path path =
      output("tensorrt/dynamic-dreamshaper8_SD15_$dyn-b-1-4-2-h-448-704-512-w-448-704-512_00001_.engine");
  ASSERT_TRUE(fs::exists(path));
  const auto profile = engine::load_engine(path).info.profile;
  EXPECT_EQ(profile.batch, (engine::ProfileRange{1, 2, 4}));
  EXPECT_EQ(profile.width, (engine::ProfileRange{448, 512, 704}));
  EXPECT_EQ(profile.context, (engine::ProfileRange{1, 1, 128}));
}

TEST_F(EngineNodes, ConversionRefusesWhatItCannotConvertOrWrite) {
  std::string json = kStatic;
  json.replace(json.find("tensorrt/static"), 15, "../escape/stati");
  EXPECT_THAT(thrown_by([&] { return build(json); }).what(), HasSubstr("is not a name below the output folder"));
  EXPECT_THAT(thrown_by([&] {
                return build(R"({
    "1": {"class_type": "TensorRTLoader", "inputs": {"unet_name": "any.engine", "model_type": "SD15"}},
    "3": {"class_type": "STATIC_TRT_MODEL_CONVERSION", "inputs": {"model": ["1", 0], "filename_prefix": "a",
          "batch_size_opt": 1, "height_opt": 512, "width_opt": 512, "context_opt": 1, "num_video_frames": 14}}})");
              }).what(),
              HasSubstr("'any.engine' is an engine already"));
}

TEST_F(EngineNodes, DepthEnginesAreBuiltFromCheckpoints) {
  constexpr const char* kDepth = R"({"1": {"class_type": "DepthAnythingEngineBuilder",
      "inputs": {"model_version": "v2_small", "custom_engine_name": "", "use_fp16": true, "custom_onnx_path": ""}}})";
  EXPECT_THAT(thrown_by([&] { return build(kDepth); }).what(), HasSubstr("there is no depth_anything_v2_vits"));
  fs::create_directories(models_.root() / "depthanything");
  fs::copy(models_.root() / "depth/depth_anything_v2_tiny.safetensors",
           models_.root() / "depthanything/depth_anything_v2_vits.safetensors");
  EXPECT_THAT(build(kDepth).notes, ElementsAre(HasSubstr("wrote the engine")));
  const fs::path path = models_.root() / "tensorrt/depth-anything/v2_depth_anything_vits-fp16.engine";
  EXPECT_EQ(engine::load_engine(path).info.kind, engine::EngineKind::kDepthAnything);
  EXPECT_THAT(build(kDepth).notes, ElementsAre(HasSubstr("is there already")));
  std::string other = kDepth;
  other.replace(other.find("v2_small"), 8, "DAD_base");
  EXPECT_THAT(thrown_by([&] { return build(other); }).what(), HasSubstr("does not run"));
}

TEST_F(EngineNodes, FeatureInjectionIsRefusedAndPassedOverWhenOff) {
  std::string json = R"({
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "unet.safetensors", "weight_dtype": "default"}},
    "2": {"class_type": "FeatureBankAttentionProcessor", "inputs": {"model": ["1", 0], "use_feature_injection": false,
          "feature_injection_strength": 0.8, "feature_similarity_threshold": 0.98, "feature_cache_interval": 4,
          "feature_bank_max_frames": 4}},
    "3": {"class_type": "STATIC_TRT_MODEL_CONVERSION", "inputs": {"model": ["2", 0], "filename_prefix": "tensorrt/f",
          "batch_size_opt": 1, "height_opt": 512, "width_opt": 512, "context_opt": 1, "num_video_frames": 14}}})";
  (void)build(json);
  EXPECT_TRUE(fs::exists(output("tensorrt/f_SD15_$stat-b-1-h-512-w-512_00001_.engine")));
  json.replace(json.find("false"), 5, "true");
  EXPECT_THAT(thrown_by([&] { return build(json); }).what(), HasSubstr("set use_feature_injection to false"));
}

}  // namespace
}  // namespace comfystream::tests
