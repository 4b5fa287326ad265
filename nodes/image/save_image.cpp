// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/save_image.hpp"

#include <utility>

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "SaveImage";
  spec.display_name = "Save Image";
  spec.category = "image";
  spec.description = "The live output; beside a SaveTensor a debug tap.";
  spec.python_module = "nodes";
  workflow::InputSpec prefix = workflow::string_input("filename_prefix", "ComfyUI");
  prefix.tooltip = "What the files' names begin with";
  spec.inputs = {workflow::socket_input("images", "IMAGE"), std::move(prefix)};
  spec.output_node = true;
  return spec;
}

}  // namespace

SaveImage::SaveImage() : SpecNode(make_spec()) {}

void SaveImage::trace(workflow::NodeContext& context) const {
  context.tap(context.input<workflow::ImageValue>("images"), context.text("filename_prefix"));
}

}  // namespace comfystream::nodes
