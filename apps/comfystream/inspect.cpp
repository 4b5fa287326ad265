// SPDX-License-Identifier: Apache-2.0
// comfystream inspect: what a workflow compiles to, or what a model file holds.
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "apps/comfystream/options.hpp"
#include "comfystream/client/workflow_compiler.hpp"
#include "comfystream/graph/cost.hpp"
#include "comfystream/graph/memory_plan.hpp"
#include "comfystream/graph/passes/simplify.hpp"
#include "comfystream/graph/passes/split_static.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace comfystream::app {
namespace {

struct InspectOptions {
  WorkflowOptions workflow;  ///< its path may also be an engine or a checkpoint
  std::vector<std::filesystem::path> more;
  bool graph = false;
  bool tensors = false;
};

constexpr double kMiB = 1024.0 * 1024.0;

void print_costs(const char* title, const graph::Graph& graph, std::int64_t batch) {
  std::printf("\n%s: %zu operations\n", title, graph.nodes().size());
  std::printf("  %-36s %10s %12s %12s\n", "node", "GFLOP", "weights MiB", "results MiB");
  graph::Cost total;
  for (const auto& [scope, cost] : graph::cost_by_scope(graph, batch)) {
    std::printf("  %-36s %10.3f %12.1f %12.1f\n", scope.empty() ? "(other)" : scope.c_str(), cost.flops * 1e-9,
                static_cast<double>(cost.weight_bytes) / kMiB, static_cast<double>(cost.output_bytes) / kMiB);
    total.flops += cost.flops;
    total.weight_bytes += cost.weight_bytes;
    total.output_bytes += cost.output_bytes;
  }
  std::printf("  %-36s %10.3f %12.1f %12.1f\n", "sum", total.flops * 1e-9,
              static_cast<double>(total.weight_bytes) / kMiB, static_cast<double>(total.output_bytes) / kMiB);
}

void print_traced(const workflow::TracedWorkflow& traced, bool dump_graph) {
  std::printf("in %dx%d, out %dx%d, batches of %lld to %lld%s\n", traced.input.width, traced.input.height,
              traced.output.width, traced.output.height, static_cast<long long>(traced.min_batch),
              static_cast<long long>(traced.max_batch), traced.fixed_batch ? " (fixed)" : "");
  for (const std::string& note : traced.notes) std::printf("note: %s\n", note.c_str());
  if (traced.passthrough) {
    std::printf("the live input is the live output: nothing is computed\n");
    return;
  }
  std::printf("live parameters:");
  for (const auto parameter : traced.graph.parameters()) {
    std::printf(" %s", traced.graph.node(parameter).name.c_str());
  }
  std::printf("\n");
  const graph::SplitGraph split = graph::split_static(graph::simplify(traced.graph));
  print_costs("per frame", split.frame, 1);
  print_costs("once, and when a parameter changes", split.setup, 1);
  const std::int64_t rows = traced.fixed_batch ? 1 : traced.max_batch;
  std::printf("\narena of results at the largest batch: %.1f MiB\n",
              static_cast<double>(graph::plan_memory(split.frame, rows).arena_bytes) / kMiB);
  if (dump_graph) std::printf("\n%s\n", graph::dump(split.frame).c_str());
}

int inspect_workflow(const InspectOptions& options) {
  client::CompilerOptions compiler_options;
  compiler_options.models = models_folder(options.workflow.models);
  compiler_options.input = options.workflow.input_folder;
  compiler_options.backend = "reference";  // tracing needs none; this one is always there
  client::WorkflowCompiler compiler(compiler_options);
  const auto validated = compiler.check(workflow_of(options.workflow));
  workflow::TraceOptions trace;
  trace.max_batch = batch_size_of(options.workflow);
  if (const auto size = parse_size(options.workflow.size)) trace.size = workflow::Size{size->width, size->height};
  trace.frames = workflow::declared_size(validated.workflow, trace.size).value_or(trace.frames);
  print_traced(compiler.trace(validated, trace), options.graph);
  return kOk;
}

int inspect_weights(const InspectOptions& options) {
  const weights::WeightMap weights = weights::load_weights(options.workflow.workflow);
  for (const auto& [key, value] : weights.metadata()) std::printf("%s: %s\n", key.c_str(), value.c_str());
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> parts;  // values and bytes by first part of the name
  std::int64_t values = 0;
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : weights.tensors()) {
    auto& part = parts[name.substr(0, name.find('.'))];
    part.first += tensor.elements();
    part.second += static_cast<std::int64_t>(tensor.size_bytes());
    values += tensor.elements();
    bytes += static_cast<std::int64_t>(tensor.size_bytes());
    if (options.tensors) {
      std::printf("%s %s %s\n", name.c_str(), std::string(to_string(tensor.dtype())).c_str(),
                  tensor.shape().to_string().c_str());
    }
  }
  for (const auto& [name, size] : parts) {
    std::printf("  %-36s %8.2f M values %10.1f MiB\n", name.c_str(), static_cast<double>(size.first) * 1e-6,
                static_cast<double>(size.second) / kMiB);
  }
  std::printf("%zu tensors, %.2f M values, %.1f MiB\n", weights.tensors().size(), static_cast<double>(values) * 1e-6,
              static_cast<double>(bytes) / kMiB);
  return kOk;
}

int inspect(const InspectOptions& options) {
  const auto& path = options.workflow.workflow;
  if (!options.more.empty()) std::printf("%s\n", path.c_str());
  return path.extension() == ".json" ? inspect_workflow(options) : inspect_weights(options);
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command =
      app.add_subcommand("inspect", "What a workflow compiles to, or what an engine or checkpoint holds");
  add_workflow_options(*command, options->workflow);
  add_batch_size(*command, options->workflow);
  command->add_flag("--graph", options->graph, "Print every operation");
  command->add_flag("--tensors", options->tensors, "Print every tensor of a model file");
  command->add_option("more", options->more, "More workflows, engines or checkpoints");
  command->callback([options, &exit_code] {
    exit_code = inspect(*options);
    for (const auto& path : options->more) {
      options->workflow.workflow = path;
      std::printf("\n");
      inspect(*options);
    }
  });
}

}  // namespace comfystream::app
