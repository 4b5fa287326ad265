// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/controlnet_loader.hpp"

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ControlNetLoader";
  spec.display_name = "Load ControlNet Model";
  spec.category = "loaders";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("control_net_name", "controlnet")};
  spec.outputs = {{"CONTROL_NET", ""}};
  return spec;
}

}  // namespace

ControlNetLoader::ControlNetLoader() : SpecNode(make_spec()) {}

void ControlNetLoader::trace(NodeContext& context) const {
  context.set_output(0, context.models().controlnet(context.text("control_net_name")));
}

}  // namespace comfystream::nodes
