// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/options.hpp"

#include "comfystream/workflow/registry.hpp"
#include "nodes/register_nodes.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace comfystream::app {
namespace {

constexpr int kMostFrames = 64;  // of a batch; bench measures up to as many

}  // namespace

void add_workflow_options(CLI::App& command, WorkflowOptions& options) {
  command.add_option("workflow", options.workflow, "Workflow in ComfyUI's API format (JSON)")->required();
  command.add_option("--models", options.models,
                     "ComfyUI's models folder (default: $COMFYSTREAM_MODELS, else ./models)");
  command.add_option("--input-folder", options.input_folder,
                     "Where LoadImage finds its pictures, beside ComfyUI's input folder");
  command.add_option("--backend", options.backend, "auto, cuda, openvino or reference")->capture_default_str();
  command
      .add_option("--devices", options.devices,
                  "Numbers of the backend's devices, such as 0,1, that batches are shared out to (default: its first)")
      ->delimiter(',');
  command
      .add_option("--precision", options.precision,
                  "What values inside networks are stored as: f16 or bf16 on cuda, f32 on the others (auto: f16, f32)")
      ->check(CLI::IsMember({"auto", "f16", "bf16", "f32"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Threads of a CPU backend (0: all cores)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--size", options.size, "WxH of the pictures made, instead of the workflow's own");
  command.add_option("--set", options.set, "NODE.INPUT=VALUE: set an input, e.g. --set 5.text=\"the hulk\"")
      ->take_all();
  command.add_flag("-v,--verbose", options.verbose, "Say more");
  command.add_flag("-q,--quiet", options.quiet, "Say nothing but errors");
}

void add_batch_size(CLI::App& command, WorkflowOptions& options) {
  command.add_option("--batch-size", options.batch_size,
                     "Frames in a batch at most, or auto: the fastest, measured at the start and remembered (default: "
                     "what the workflow's live input says)");
  command
      .add_option("--latency-target", options.latency_target_ms,
                  "With --batch-size auto: the fastest of those whose batches take at most so many milliseconds")
      ->check(CLI::PositiveNumber);
}

std::optional<FrameSize> parse_size(const std::string& text) {
  if (text.empty()) return std::nullopt;
  FrameSize size;
  const char* end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, size.width);
  const bool has_x = width.ec == std::errc() && width.ptr != end && *width.ptr == 'x';
  const auto height = has_x ? std::from_chars(width.ptr + 1, end, size.height) : width;
  if (!has_x || height.ec != std::errc() || height.ptr != end || size.width < 1 || size.height < 1) {
    throw Error(ErrorCode::kInvalidArgument, "--size " + text + " is no size", "give WIDTHxHEIGHT, such as 512x512");
  }
  return size;
}

std::filesystem::path models_folder(const std::filesystem::path& given) {
  if (!given.empty()) {
    if (!std::filesystem::is_directory(given)) {
      throw Error(ErrorCode::kNotFound, "--models " + given.string() + " is no folder",
                  "give ComfyUI's models folder, or make one: comfystream models synth --arch sd15-tiny -o FOLDER");
    }
    return given;
  }
  if (const char* variable = std::getenv("COMFYSTREAM_MODELS")) return variable;
  return std::filesystem::is_directory("models") ? "models" : "";
}

workflow::Workflow workflow_of(const WorkflowOptions& options) {
  workflow::Workflow workflow = workflow::load_workflow(options.workflow);
  workflow::NodeRegistry registry;
  nodes::register_nodes(registry);
  for (const std::string& assignment : options.set) {
    workflow::check_input_exists(registry, workflow, assignment);
    workflow::set_input(workflow, assignment);
  }
  return workflow;
}

std::string workflow_text(const WorkflowOptions& options) { return workflow_of(options).to_json().dump(); }

namespace {

std::optional<std::chrono::microseconds> latency_target(const WorkflowOptions& options) {
  if (options.latency_target_ms <= 0) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(options.latency_target_ms * 1e3));
}

}  // namespace

int batch_size_of(const WorkflowOptions& options) {
  if (options.latency_target_ms > 0 && options.batch_size != "auto") {
    throw Error(ErrorCode::kInvalidArgument, "--latency-target chooses among measured batch sizes",
                "give --batch-size auto with it");
  }
  if (options.batch_size.empty() || options.batch_size == "auto") return 0;
  int size = 0;
  const char* end = options.batch_size.data() + options.batch_size.size();
  const auto read = std::from_chars(options.batch_size.data(), end, size);
  if (read.ec != std::errc() || read.ptr != end || size < 1 || size > kMostFrames) {
    throw Error(ErrorCode::kInvalidArgument, "--batch-size " + options.batch_size + " is no batch size",
                "give a whole number from 1 to " + std::to_string(kMostFrames) + ", or auto");
  }
  return size;
}

ClientOptions client_options(const WorkflowOptions& options) {
  const LogLevel least = options.quiet ? LogLevel::kError : options.verbose ? LogLevel::kDebug : LogLevel::kInfo;
  return {.models = models_folder(options.models),
          .input = options.input_folder,
          .backend = options.backend,
          .precision = options.precision,
          .threads = options.threads,
          .devices = options.devices,
          .max_batch = batch_size_of(options),
          .choose_batch = options.batch_size == "auto",
          .latency_target = latency_target(options),
          .size = parse_size(options.size),
          .log = [least](LogLevel level, std::string_view text) {
            if (level < least) return;
            std::fprintf(stderr, "%s%.*s\n", level >= LogLevel::kWarning ? "warning: " : "",
                         static_cast<int>(text.size()), text.data());
          }};
}

}  // namespace comfystream::app
