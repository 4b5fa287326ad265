// SPDX-License-Identifier: Apache-2.0
#include "nodes/engine/depth_anything_engine_builder.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/engine/build_engine.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

namespace fs = std::filesystem;

constexpr const char* kSourceFolder = "depthanything";

/// A choice of the node, the engine that it makes, and the checkpoint that this is made from; none where the network is
/// another one than Depth Anything V1 or V2.
struct Version {
  const char* name;
  const char* engine;
  const char* checkpoint;
};

constexpr std::array<Version, 14> kVersions{{
    {"v1_small", "v1_depth_anything_vits14", "depth_anything_vits14"},
    {"v1_base", "v1_depth_anything_vitb14", "depth_anything_vitb14"},
    {"v1_large", "v1_depth_anything_vitl14", "depth_anything_vitl14"},
    {"v2_small", "v2_depth_anything_vits", "depth_anything_v2_vits"},
    {"v2_base", "v2_depth_anything_vitb", "depth_anything_v2_vitb"},
    {"v2_large", "v2_depth_anything_vitl", "depth_anything_v2_vitl"},
    {"v2_metric_hypersim_large", "v2_depth_anything_metric_hypersim_vitl", "depth_anything_v2_metric_hypersim_vitl"},
    {"v2_metric_vkitti_large", "v2_depth_anything_metric_vkitti_vitl", "depth_anything_v2_metric_vkitti_vitl"},
    {"DAD_small", "Distill-Any-Depth-Multi-Teacher-Small", nullptr},
    {"DAD_base", "Distill-Any-Depth-Multi-Teacher-Base", nullptr},
    {"DAD_large", "Distill-Any-Depth-Multi-Teacher-Large", nullptr},
    {"DAD_large_2w_iter", "Distill-Any-Depth-Dav2-Teacher-Large-2w-iter", nullptr},
    {"DA3Mono-Large", "DA3Mono-Large", nullptr},
    {"DA3Metric-Large", "DA3Metric-Large", nullptr},
}};

const Version& version_of(const std::string& name) {
  const auto found =
      std::find_if(kVersions.begin(), kVersions.end(), [&](const Version& version) { return version.name == name; });
  if (found != kVersions.end() && found->checkpoint != nullptr) return *found;
  throw Error(ErrorCode::kUnsupported, "model_version '" + name + "' is a network that this program does not run",
              "choose one of Depth Anything V1 or V2");
}

fs::path checkpoint_of(const workflow::ModelFolders& folders, const Version& version) {
  for (const std::string& name : folders.list(kSourceFolder)) {
    if (fs::path(name).stem() == version.checkpoint) return folders.resolve(kSourceFolder, name);
  }
  throw Error(ErrorCode::kNotFound,
              std::string("there is no ") + version.checkpoint + ".safetensors or .pth in the models folder '" +
                  kSourceFolder + "'",
              "put the network's checkpoint there");
}

std::string engine_name(const NodeContext& context, const Version& version, bool half) {
  std::string name = context.text("custom_engine_name");
  if (name.empty()) return version.engine + std::string(half ? "-fp16.engine" : ".engine");
  if (fs::path(name).filename() != name || name == "." || name == "..") {
    throw Error(ErrorCode::kValidation, "custom_engine_name '" + name + "' is not a file name", "leave folders out");
  }
  if (!name.ends_with(".engine")) name += ".engine";
  return name;
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "DepthAnythingEngineBuilder";
  spec.display_name = "Depth Anything Engine Builder";
  spec.category = "tensorrt";
  spec.description = "Writes a depth engine from a checkpoint in the models folder 'depthanything'.";
  spec.python_module = "custom_nodes.ComfyUI-Depth-Anything-Tensorrt";
  std::vector<std::string> names;
  names.reserve(kVersions.size());
  for (const Version& version : kVersions) names.emplace_back(version.name);
  workflow::InputSpec onnx = workflow::string_input("custom_onnx_path", "");
  onnx.tooltip = "Has to be empty: engines are built from checkpoints";
  spec.inputs = {workflow::combo_input("model_version", std::move(names), "v1_large"),
                 workflow::string_input("custom_engine_name", ""), workflow::bool_input("use_fp16", true),
                 workflow::optional(std::move(onnx))};
  spec.outputs = {{"STRING", "message"}};
  spec.output_node = true;
  return spec;
}

}  // namespace

DepthAnythingEngineBuilder::DepthAnythingEngineBuilder() : SpecNode(make_spec()) {}

void DepthAnythingEngineBuilder::trace(NodeContext& context) const {
  if (!context.text("custom_onnx_path").empty()) {
    throw Error(ErrorCode::kUnsupported, "ONNX files are not read",
                "leave custom_onnx_path empty and put the network's checkpoint into the models folder 'depthanything'");
  }
  const workflow::ModelFolders& folders = context.models().folders();
  const Version& version = version_of(context.text("model_version"));
  engine::BuildRequest request;
  request.checkpoint = checkpoint_of(folders, version);
  request.kind = engine::EngineKind::kDepthAnything;
  request.dtype = context.flag("use_fp16") ? DType::kF16 : DType::kF32;
  request.output = folders.places("depth-anything").front() / engine_name(context, version, context.flag("use_fp16"));
  context.set_output(0, workflow::StringValue{request.output.string()});
  context.action([request] {
    if (fs::exists(request.output)) return "the engine " + request.output.string() + " is there already";
    std::error_code problem;
    fs::create_directories(request.output.parent_path(), problem);
    engine::build_engine(request);
    return "wrote the engine " + request.output.string();
  });
}

}  // namespace comfystream::nodes
