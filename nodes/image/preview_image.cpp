// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/preview_image.hpp"

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "PreviewImage";
  spec.display_name = "Preview Image";
  spec.category = "image";
  spec.description = "The live output; beside a SaveTensor a debug tap.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("images", "IMAGE")};
  spec.output_node = true;
  return spec;
}

}  // namespace

PreviewImage::PreviewImage() : SpecNode(make_spec()) {}

void PreviewImage::trace(workflow::NodeContext& context) const {
  context.tap(context.input<workflow::ImageValue>("images"), "preview");
}

}  // namespace comfystream::nodes
