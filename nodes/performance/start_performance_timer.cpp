// SPDX-License-Identifier: Apache-2.0
#include "nodes/performance/start_performance_timer.hpp"

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "StartPerformanceTimerNode";
  spec.category = "tensor_utils";
  spec.description = "Names an operation whose time is taken.";
  spec.python_module = "custom_nodes.comfystream";
  spec.inputs = {workflow::string_input("operation", "workflow_execution")};
  spec.outputs = {{"STRING", "timer_started"}};
  // ComfyUI runs no node that nothing asks for; nothing asks for a timer.
  spec.output_node = true;
  return spec;
}

}  // namespace

StartPerformanceTimerNode::StartPerformanceTimerNode() : SpecNode(make_spec()) {}

void StartPerformanceTimerNode::trace(workflow::NodeContext& context) const {
  const std::string operation = context.text("operation");
  context.timed_operation(operation);
  // What a PerformanceTimerNode that is linked to it times.
  context.set_output(0, workflow::StringValue{operation});
}

}  // namespace comfystream::nodes
