// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/workflow_compiler.hpp"

#include "comfystream/backend/registry.hpp"
#include "comfystream/error.hpp"
#include "comfystream/stream/passthrough_plan.hpp"
#include "nodes/register_nodes.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::client {
namespace {

using SteadyTime = std::chrono::steady_clock;

CompilerOptions completed(CompilerOptions options) {
  if (!options.log) options.log = make_null_log();
  if (options.vocabulary.empty()) options.vocabulary = find_clip_vocabulary(options.models);
  return options;
}

workflow::NodeRegistry builtin_nodes() {
  workflow::NodeRegistry registry;
  nodes::register_nodes(registry);
  return registry;
}

stream::PictureSpec live_spec(const workflow::TracedWorkflow& traced) {
  return {traced.input_format, traced.input.width, traced.input.height};
}

}  // namespace

WorkflowCompiler::WorkflowCompiler(const CompilerOptions& options)
    : options_(completed(options)),
      registry_(builtin_nodes()),
      models_(workflow::ModelFolders(options_.models, options_.input), options_.vocabulary, options_.log),
      backend_(
          backend::make_backend(options_.backend, options_.devices, backend::parse_precision(options_.precision))) {}

workflow::Validation WorkflowCompiler::check(workflow::Workflow workflow) const {
  return workflow::valid_or_throw(workflow::validate_live(std::move(workflow), registry_, models_.folders()));
}

workflow::TracedWorkflow WorkflowCompiler::trace(const workflow::Validation& validated,
                                                 const workflow::TraceOptions& options) {
  const auto begin = SteadyTime::now();
  const auto mapped_before = models_.load_time();
  workflow::TracedWorkflow traced = workflow::trace_workflow(validated, registry_, models_, options);
  map_time_ = models_.load_time() - mapped_before;
  trace_time_ = SteadyTime::now() - begin - map_time_;
  return traced;
}

CompiledWorkflow WorkflowCompiler::compile(workflow::TracedWorkflow traced) {
  const auto begin = SteadyTime::now();
  CompiledWorkflow compiled;
  if (traced.passthrough) {
    compiled.plan = std::make_shared<stream::PassthroughPlan>(live_spec(traced), static_cast<int>(traced.max_batch));
  } else {
    const backend::CompileOptions options{traced.max_batch, options_.threads, options_.profile_nodes};
    compiled.workflow = std::make_shared<WorkflowPlan>(std::move(traced), *backend_, options);
    compiled.plan = compiled.workflow;
  }
  compiled.times = {{"map", map_time_}, {"trace", trace_time_}, {"compile", SteadyTime::now() - begin}};
  return compiled;
}

}  // namespace comfystream::client
