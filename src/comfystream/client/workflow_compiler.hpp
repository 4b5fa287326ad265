// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/client/workflow_plan.hpp"
#include "comfystream/core/log.hpp"
#include "comfystream/stream/report.hpp"
#include "comfystream/workflow/trace.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace comfystream::client {

struct CompilerOptions {
  std::filesystem::path models;      ///< ComfyUI's models folder; empty: no model files
  std::filesystem::path input;       ///< where LoadImage looks beside ComfyUI's input folder
  std::filesystem::path vocabulary;  ///< CLIP's; empty: find_clip_vocabulary()
  std::string backend = "auto";
  std::vector<int> devices{};  ///< none: the backend's first
  std::string precision = "auto";
  int threads = 0;  ///< 0: all cores
  bool profile_nodes = false;
  std::shared_ptr<Log> log;  ///< none: silent
};

/// A plan, and the same as a WorkflowPlan where it is one (a passthrough is not).
struct CompiledWorkflow {
  std::shared_ptr<stream::BatchPlan> plan;
  std::shared_ptr<WorkflowPlan> workflow;
  std::vector<stream::StartupTime> times;  ///< "map", "trace", "compile"
};

/// From a workflow's JSON to plans: conversion, validation, tracing, compiling. Holds the node classes, the model files
/// in use and the backend. trace() and compile() may be called from any thread, one at a time each.
class WorkflowCompiler {
 public:
  /// Throws Error when the backend cannot be had.
  explicit WorkflowCompiler(const CompilerOptions& options);

  /// Converts to live input and output and validates. Error(kValidation) with all that is wrong.
  [[nodiscard]] workflow::Validation check(workflow::Workflow workflow) const;
  [[nodiscard]] workflow::TracedWorkflow trace(const workflow::Validation& validated,
                                               const workflow::TraceOptions& options);
  [[nodiscard]] CompiledWorkflow compile(workflow::TracedWorkflow traced);

  [[nodiscard]] backend::Backend& backend() const noexcept { return *backend_; }
  [[nodiscard]] workflow::ModelStore& models() noexcept { return models_; }
  [[nodiscard]] const workflow::NodeRegistry& registry() const noexcept { return registry_; }
  [[nodiscard]] const CompilerOptions& options() const noexcept { return options_; }

 private:
  CompilerOptions options_;
  workflow::NodeRegistry registry_;
  workflow::ModelStore models_;
  std::unique_ptr<backend::Backend> backend_;
  std::chrono::nanoseconds map_time_{0};    ///< of the last trace
  std::chrono::nanoseconds trace_time_{0};  ///< of the last trace, without mapping
};

/// CLIP's vocabulary: $COMFYSTREAM_CLIP_VOCABULARY, then beside the models, then what set-up left: share/comfystream
/// beside the program's bin folder, or the open_clip wheel in a .venv above it. Empty when nowhere.
[[nodiscard]] std::filesystem::path find_clip_vocabulary(const std::filesystem::path& models);

}  // namespace comfystream::client
