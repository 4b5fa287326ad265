// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/torch_compile_load_controlnet.hpp"

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "TorchCompileLoadControlNet";
  spec.display_name = "TorchCompileLoadControlNet";
  spec.category = "torch-compile";
  spec.python_module = "custom_nodes.ComfyUI-Torch-Compile";
  spec.inputs = {workflow::socket_input("controlnet", "CONTROL_NET"),
                 workflow::combo_input("backend", {"inductor", "cudagraphs"}), workflow::bool_input("fullgraph", false),
                 workflow::combo_input(
                     "mode", {"default", "max-autotune", "max-autotune-no-cudagraphs", "reduce-overhead"}, "default")};
  spec.outputs = {{"CONTROL_NET", ""}};
  return spec;
}

}  // namespace

TorchCompileLoadControlNet::TorchCompileLoadControlNet() : SpecNode(make_spec()) {}

void TorchCompileLoadControlNet::trace(NodeContext& context) const {
  context.note("passes its ControlNet on; the whole workflow is compiled already");
  context.set_output(0, context.input<workflow::ControlNetValue>("controlnet"));
}

}  // namespace comfystream::nodes
