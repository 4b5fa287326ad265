// SPDX-License-Identifier: Apache-2.0
// comfystream validate: does a workflow pass, and what is wrong with it.
#include "comfystream/workflow/validate.hpp"

#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "apps/comfystream/options.hpp"
#include "comfystream/workflow/convert.hpp"
#include "nodes/register_nodes.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace comfystream::app {
namespace {

struct ValidateOptions {
  std::filesystem::path workflow;
  std::filesystem::path models;
  bool json = false;
  bool as_given = false;
};

/// The answer of ComfyUI's POST /prompt.
workflow::Json to_json(const workflow::Validation& validation) {
  if (validation.error.is_null()) return {{"valid", true}, {"node_errors", validation.node_errors}};
  return {{"error", validation.error}, {"node_errors", validation.node_errors}};
}

std::string live_text(const workflow::LiveIo& io) {
  std::string text;
  const auto add = [&](bool there, const char* what) {
    if (there) text += (text.empty() ? "" : ", ") + std::string(what);
  };
  add(io.video_in, "video in");
  add(io.video_out, "video out");
  add(io.audio_in, "audio in");
  add(io.audio_out, "audio out");
  add(io.text_out, "text out");
  return text.empty() ? "nothing live" : text;
}

int validate_workflow(const ValidateOptions& options) {
  workflow::NodeRegistry registry;
  nodes::register_nodes(registry);
  const workflow::ModelFolders folders(models_folder(options.models));
  workflow::Workflow workflow = workflow::load_workflow(options.workflow);
  const workflow::Validation validation = options.as_given
                                              ? workflow::validate(workflow, registry, folders)
                                              : workflow::validate_live(std::move(workflow), registry, folders);
  if (options.json) {
    std::printf("%s\n", to_json(validation).dump(2).c_str());
  } else if (validation.valid) {
    std::printf("%s: valid, %zu nodes, %s\n", options.workflow.c_str(), validation.workflow.nodes.size(),
                live_text(workflow::live_io(validation.workflow)).c_str());
  }
  if (!options.json && !validation.to_text().empty()) std::fprintf(stderr, "%s\n", validation.to_text().c_str());
  return validation.valid ? kOk : kUnusable;
}

}  // namespace

void add_validate(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ValidateOptions>();
  CLI::App* command = app.add_subcommand("validate", "Check a workflow by ComfyUI's rules; all errors at once");
  command->add_option("workflow", options->workflow, "Workflow in ComfyUI's API format (JSON)")->required();
  command->add_option("--models", options->models, "ComfyUI's models folder, for the lists of files");
  command->add_flag("--json", options->json, "Answer as ComfyUI's POST /prompt does");
  command->add_flag("--as-given", options->as_given, "Without making LoadImage and PreviewImage live first");
  command->callback([options, &exit_code] { exit_code = validate_workflow(*options); });
}

}  // namespace comfystream::app
