// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/composite.hpp"

#include "comfystream/error.hpp"

#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "Composite";
  spec.category = "background-edit";
  spec.description = "Puts foregrounds on backgrounds where the masks say so.";
  spec.python_module = "custom_nodes.ComfyUI-Background-Edit";
  workflow::InputSpec mode = workflow::combo_input("mode", {"cuda", "cpu"}, "cuda");
  mode.tooltip = "Accepted for ComfyStream's workflows; the backend decides where things run";
  spec.inputs = {workflow::socket_input("foregrounds", "IMAGE"), workflow::socket_input("backgrounds", "IMAGE"),
                 workflow::socket_input("foreground_masks", "MASK"), std::move(mode)};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

Composite::Composite() : SpecNode(make_spec()) {}

void Composite::trace(NodeContext& context) const {
  graph::Builder& builder = context.builder();
  const graph::Value foregrounds = context.input<workflow::ImageValue>("foregrounds").value;
  const graph::Value backgrounds = context.input<workflow::ImageValue>("backgrounds").value;
  const graph::Value masks = context.input<workflow::MaskValue>("foreground_masks").value;
  const graph::SymShape size = builder.shape(masks);
  for (const graph::Value image : {foregrounds, backgrounds}) {
    const graph::SymShape& shape = builder.shape(image);
    if (shape[1] == size[1] && shape[2] == size[2]) continue;
    throw Error(ErrorCode::kValidation,
                "an image of " + shape.to_string() + " and a mask of " + size.to_string() + " differ in size",
                "give foregrounds, backgrounds and masks of one size");
  }
  const graph::Value mask = builder.reshape(masks, {size[0], size[1], size[2], 1});
  const graph::Value inverse = builder.sub(builder.scalar(1.0F), mask);
  context.set_output(
      0, workflow::ImageValue{builder.add(builder.mul(foregrounds, mask), builder.mul(backgrounds, inverse))});
}

}  // namespace comfystream::nodes
