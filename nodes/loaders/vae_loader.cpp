// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/vae_loader.hpp"

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "VAELoader";
  spec.display_name = "Load VAE";
  spec.category = "loaders";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("vae_name", "vae")};
  spec.outputs = {{"VAE", ""}};
  return spec;
}

}  // namespace

VAELoader::VAELoader() : SpecNode(make_spec()) {}

void VAELoader::trace(NodeContext& context) const {
  context.set_output(0, context.models().vae(context.text("vae_name")));
}

}  // namespace comfystream::nodes
