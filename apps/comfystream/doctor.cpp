// SPDX-License-Identifier: Apache-2.0
// comfystream doctor: what is there, what is missing, and the command that fixes it.
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "apps/comfystream/options.hpp"
#include "comfystream/backend/registry.hpp"
#include "comfystream/client/workflow_compiler.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/version.hpp"
#include "comfystream/workflow/model_folders.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace comfystream::app {
namespace {

struct DoctorOptions {
  std::filesystem::path models;
};

constexpr const char* kFolders[] = {"checkpoints", "unet",       "clip",     "controlnet",
                                    "vae",         "vae_approx", "tensorrt", "depthanything"};

void line(bool good, const std::string& what, const std::string& detail) {
  std::printf("%-4s %-12s %s\n", good ? "ok" : "--", what.c_str(), detail.c_str());
}

bool check_backends() {
  bool any = false;
  for (const backend::BackendStatus& status : backend::list_backends()) {
    line(status.available, status.name, status.detail);
    any = any || status.available;
  }
  return any;
}

void check_vocabulary(const std::filesystem::path& models) {
  const auto path = client::find_clip_vocabulary(models);
  line(!path.empty(), "vocabulary",
       path.empty() ? "CLIP's vocabulary is missing, prompts cannot be read: ./run --build-only fetches it"
                    : path.string());
}

void check_models(const std::filesystem::path& root) {
  if (root.empty()) {
    line(false, "models",
         "no folder: give --models or $COMFYSTREAM_MODELS, or make one to try out: comfystream models "
         "synth --arch sd15-tiny -o models/synth");
    return;
  }
  line(true, "models", root.string());
  const workflow::ModelFolders folders(root);
  for (const char* folder : kFolders) {
    const auto names = folders.list(folder);
    std::printf("     %-12s %zu%s\n", folder, names.size(), names.empty() ? "" : (", " + names.front()).c_str());
  }
}

int examine(const DoctorOptions& options) {
  std::printf("comfystream %.*s\n", static_cast<int>(kVersion.size()), kVersion.data());
  const bool usable = check_backends();
  line(media::has_video(), "video",
       media::has_video() ? "files, cameras and URIs through GStreamer"
                          : "install libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev and the gstreamer1.0-plugins-"
                            "{base,good,ugly} and gstreamer1.0-libav packages, and build again");
  const auto models = models_folder(options.models);
  check_vocabulary(models);
  check_models(models);
  return usable ? kOk : kUnavailable;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand("doctor", "What is there, what is missing, and the command that fixes it");
  command->add_option("--models", options->models, "ComfyUI's models folder");
  command->callback([options, &exit_code] { exit_code = examine(*options); });
}

}  // namespace comfystream::app
