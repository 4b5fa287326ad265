// SPDX-License-Identifier: Apache-2.0
// Options that several subcommands share.
#pragma once

#include "comfystream/client.hpp"
#include "comfystream/workflow/workflow.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace comfystream::app {

/// What running or compiling a workflow needs.
struct WorkflowOptions {
  std::filesystem::path workflow;
  std::filesystem::path models;
  std::filesystem::path input_folder;
  std::string backend = "auto";
  std::vector<int> devices;
  std::string precision = "auto";
  int threads = 0;
  std::string batch_size;
  double latency_target_ms = 0;
  std::string size;
  std::vector<std::string> set;
  bool verbose = false;
  bool quiet = false;
};

/// WORKFLOW, --models, --backend, --devices, --precision, --threads, --set, --size, --input-folder, -v, -q.
void add_workflow_options(CLI::App& command, WorkflowOptions& options);
/// --batch-size, --latency-target.
void add_batch_size(CLI::App& command, WorkflowOptions& options);

/// "512x384"; nothing for an empty text. Error(kInvalidArgument) otherwise.
[[nodiscard]] std::optional<FrameSize> parse_size(const std::string& text);
/// The models folder: as given, else $COMFYSTREAM_MODELS, else ./models where there is one, else none.
[[nodiscard]] std::filesystem::path models_folder(const std::filesystem::path& given);
/// The workflow with --set applied.
[[nodiscard]] workflow::Workflow workflow_of(const WorkflowOptions& options);
/// The same as JSON.
[[nodiscard]] std::string workflow_text(const WorkflowOptions& options);
/// --batch-size as a number; 0 where it is not given, or auto. Error(kInvalidArgument) for what is neither.
[[nodiscard]] int batch_size_of(const WorkflowOptions& options);
/// The client's options; its log goes to standard error.
[[nodiscard]] ClientOptions client_options(const WorkflowOptions& options);

}  // namespace comfystream::app
