// SPDX-License-Identifier: Apache-2.0
#include "nodes/engine/write_engine.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/engine/engine_name.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

namespace fs = std::filesystem;

/// The name of the networks that this program runs, in the names of their engines.
constexpr const char* kModelType = "SD15";

const workflow::ModelValue& convertible_model(const NodeContext& context) {
  const auto& model = context.input<workflow::ModelValue>("model");
  if (model.profile) {
    throw Error(ErrorCode::kValidation, "'" + model.name + "' is an engine already",
                "connect a CheckpointLoaderSimple or a UNETLoader");
  }
  if (model.unet == nullptr) {
    throw Error(ErrorCode::kValidation, "'" + model.name + "' has no UNet", "connect a checkpoint that has one");
  }
  return model;
}

fs::path checked_prefix(const std::string& text) {
  fs::path prefix(text);
  const bool climbs = std::find(prefix.begin(), prefix.end(), fs::path("..")) != prefix.end();
  if (!prefix.has_filename() || climbs || prefix.is_absolute() || text.find('\0') != std::string::npos) {
    throw Error(ErrorCode::kValidation, "filename_prefix '" + text + "' is not a name below the output folder",
                "use one such as tensorrt/my-model");
  }
  return prefix;
}

fs::path output_folder(const NodeContext& context) {
  const fs::path root = context.models().folders().root();
  if (root.empty()) {
    throw Error(ErrorCode::kNotFound, "there is no models folder to write the engine beside",
                "give ComfyUI's models folder with --models");
  }
  return root.parent_path() / "output";
}

std::string size_text(const fs::path& path) {
  constexpr std::uintmax_t kMebi = std::uintmax_t{1} << 20U;
  std::error_code none;
  return std::to_string((fs::file_size(path, none) + kMebi / 2) / kMebi) + " MiB";
}

}  // namespace

void write_unet_engine(NodeContext& context, const engine::EngineProfile& profile, bool is_static) {
  const auto& model = convertible_model(context);
  const fs::path prefix = checked_prefix(context.text("filename_prefix"));
  const fs::path folder = output_folder(context) / prefix.parent_path();
  if (!context.text("onnx_model_path").empty()) {
    context.note("builds the engine from '" + model.name + "'; the ONNX file is not read");
  }
  engine::BuildRequest request;
  request.checkpoint = model.file;
  request.kind = engine::EngineKind::kUNet;
  request.batch = profile.batch;
  request.height = profile.height;
  request.width = profile.width;
  request.context = profile.context;
  const std::string name = prefix.filename().string();
  context.action([request, folder, name, profile, is_static]() mutable {
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem) throw Error(ErrorCode::kIo, folder.string() + ": " + problem.message(), "check its permissions");
    // The counter is taken when the file is written: engines of the same profile get different numbers.
    request.output = engine::next_engine_path(folder, name, kModelType, profile, is_static);
    engine::build_engine(request);
    return "wrote the engine " + request.output.string() + " (" + size_text(request.output) + ")";
  });
}

}  // namespace comfystream::nodes
