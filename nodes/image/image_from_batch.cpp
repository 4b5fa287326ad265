// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/image_from_batch.hpp"

#include <algorithm>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ImageFromBatch";
  spec.display_name = "ImageFromBatch";
  spec.category = "image/batch";
  spec.description = "Takes images out of a batch.";
  spec.python_module = "comfy_extras.nodes_images";
  spec.inputs = {workflow::socket_input("image", "IMAGE"), workflow::int_input("batch_index", 0, 0, 4095),
                 workflow::int_input("length", 1, 1, 4096)};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

ImageFromBatch::ImageFromBatch() : SpecNode(make_spec()) {}

void ImageFromBatch::trace(NodeContext& context) const {
  const graph::Value image = context.input<workflow::ImageValue>("image").value;
  const std::int64_t rows = context.builder().shape(image)[0].count;
  const std::int64_t first = std::min(context.integer("batch_index"), rows - 1);
  const std::int64_t length = std::min(context.integer("length"), rows - first);
  context.set_output(0, workflow::ImageValue{context.builder().slice(image, 0, first, first + length)});
}

}  // namespace comfystream::nodes
