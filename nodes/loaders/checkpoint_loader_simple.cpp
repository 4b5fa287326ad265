// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/checkpoint_loader_simple.hpp"

#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "CheckpointLoaderSimple";
  spec.display_name = "Load Checkpoint";
  spec.category = "loaders";
  spec.description = "Loads the model, the text encoder and the VAE of a checkpoint.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("ckpt_name", "checkpoints")};
  spec.outputs = {{"MODEL", ""}, {"CLIP", ""}, {"VAE", ""}};
  return spec;
}

}  // namespace

CheckpointLoaderSimple::CheckpointLoaderSimple() : SpecNode(make_spec()) {}

void CheckpointLoaderSimple::trace(NodeContext& context) const {
  auto parts = context.models().checkpoint(context.text("ckpt_name"));
  context.set_output(0, std::move(parts.model));
  context.set_output(1, std::move(parts.clip));
  context.set_output(2, std::move(parts.vae));
}

}  // namespace comfystream::nodes
