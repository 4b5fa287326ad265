// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/torch_compile_load_vae.hpp"

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "TorchCompileLoadVAE";
  spec.display_name = "TorchCompileLoadVAE";
  spec.category = "torch-compile";
  spec.python_module = "custom_nodes.ComfyUI-Torch-Compile";
  spec.inputs = {workflow::socket_input("vae", "VAE"),
                 workflow::combo_input("backend", {"inductor", "cudagraphs"}),
                 workflow::bool_input("fullgraph", false),
                 workflow::combo_input(
                     "mode", {"default", "max-autotune", "max-autotune-no-cudagraphs", "reduce-overhead"}, "default"),
                 workflow::bool_input("compile_encoder", true),
                 workflow::bool_input("compile_decoder", true)};
  spec.outputs = {{"VAE", ""}};
  return spec;
}

}  // namespace

TorchCompileLoadVAE::TorchCompileLoadVAE() : SpecNode(make_spec()) {}

void TorchCompileLoadVAE::trace(NodeContext& context) const {
  context.note("passes its VAE on; the whole workflow is compiled already");
  context.set_output(0, context.input<workflow::VaeValue>("vae"));
}

}  // namespace comfystream::nodes
