// SPDX-License-Identifier: Apache-2.0
#include "nodes/performance/performance_timer.hpp"

#include <utility>

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "PerformanceTimerNode";
  spec.category = "tensor_utils";
  spec.description = "Takes the time of an operation; the summary is in the report.";
  spec.python_module = "custom_nodes.comfystream";
  workflow::InputSpec batch_size = workflow::int_input("batch_size", 1, 1, 8, 1);
  batch_size.tooltip = "Accepted for ComfyStream's workflows; batches are counted as they run";
  workflow::InputSpec num_images = workflow::int_input("num_images", 1, 1, 100, 1);
  num_images.tooltip = "Accepted for ComfyStream's workflows; frames are counted as they run";
  spec.inputs = {workflow::string_input("operation", "workflow_execution"), std::move(batch_size),
                 std::move(num_images)};
  spec.outputs = {{"STRING", "performance_summary"}};
  // ComfyUI runs no node that nothing asks for; nothing asks for a timer.
  spec.output_node = true;
  return spec;
}

}  // namespace

PerformanceTimerNode::PerformanceTimerNode() : SpecNode(make_spec()) {}

void PerformanceTimerNode::trace(workflow::NodeContext& context) const {
  context.timed_operation(context.text("operation"));
  context.set_output(0, workflow::StringValue{"Performance Summary: in the report, once frames have run"});
}

}  // namespace comfystream::nodes
