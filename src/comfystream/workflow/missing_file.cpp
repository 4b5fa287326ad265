// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/missing_file.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/engine/hints.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace comfystream::workflow {
namespace {

namespace fs = std::filesystem;

bool is_file_name(const std::string& name) {
  const fs::path path(name);
  return path.has_filename() && !path.is_absolute() && name.find('\0') == std::string::npos &&
         std::find(path.begin(), path.end(), fs::path("..")) == path.end();
}

}  // namespace

std::vector<fs::path> engine_sources(const ModelFolders& folders) {
  std::vector<fs::path> found;
  for (const char* folder : {"checkpoints", "unet", "depthanything"}) {
    for (const std::string& name : folders.list(folder)) found.push_back(folders.resolve(folder, name));
  }
  return found;
}

std::string missing_file_hint(const ModelFolders& folders, const std::string& folder, const std::string& name) {
  const std::vector<fs::path> places = folders.places(folder);
  if (places.empty()) return "give ComfyUI's models folder with --models";
  if (!is_file_name(name)) return "choose a file of " + places.front().string();
  if (folder == "vae" && (name == "taesd" || name == "taesdxl" || name == "taesd3" || name == "taef1")) {
    return "put " + name + "_encoder.safetensors and " + name + "_decoder.safetensors into " +
           folders.places("vae_approx").front().string();
  }
  const bool is_engine = folder == "tensorrt" || folder == "depth-anything";
  if (!is_engine) return "put the file into " + places.front().string();
  const fs::path path = places.front() / name;
  return "build it: " + engine::build_command(path, engine::likely_source(path, engine_sources(folders)));
}

}  // namespace comfystream::workflow
