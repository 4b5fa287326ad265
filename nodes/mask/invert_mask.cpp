// SPDX-License-Identifier: Apache-2.0
#include "nodes/mask/invert_mask.hpp"

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "InvertMask";
  spec.display_name = "InvertMask";
  spec.category = "mask";
  spec.description = "Turns a mask inside out.";
  spec.python_module = "comfy_extras.nodes_mask";
  spec.inputs = {workflow::socket_input("mask", "MASK")};
  spec.outputs = {{"MASK", ""}};
  return spec;
}

}  // namespace

InvertMask::InvertMask() : SpecNode(make_spec()) {}

void InvertMask::trace(workflow::NodeContext& context) const {
  graph::Builder& builder = context.builder();
  const graph::Value mask = context.input<workflow::MaskValue>("mask").value;
  context.set_output(0, workflow::MaskValue{builder.sub(builder.scalar(1.0F), mask)});
}

}  // namespace comfystream::nodes
