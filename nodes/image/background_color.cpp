// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/background_color.hpp"

#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "BackgroundColor";
  spec.category = "background-edit";
  spec.description = "Makes images of one colour.";
  spec.python_module = "custom_nodes.ComfyUI-Background-Edit";
  spec.inputs = {workflow::socket_input("images", "IMAGE"),
                 workflow::combo_input("color", {"black", "red", "blue", "green"}, "black")};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

BackgroundColor::BackgroundColor() : SpecNode(make_spec()) {}

void BackgroundColor::trace(NodeContext& context) const {
  graph::Builder& builder = context.builder();
  graph::SymShape shape = builder.shape(context.input<workflow::ImageValue>("images").value);
  const std::string name = context.text("color");
  std::vector<float> color(static_cast<std::size_t>(shape[3].count), 0.0F);
  if (name == "red") color[0] = 1.0F;
  if (name == "green") color[1] = 1.0F;
  if (name == "blue") color[2] = 1.0F;
  const graph::Value value = context.live("color", Tensor::from<float>({1, 1, 1, shape[3].count}, color));
  // One picture does for all the frames of a batch; nodes that count rows need them all.
  if (shape[0].batch) shape.dims()[0] = 1;
  context.set_output(0, workflow::ImageValue{builder.expand(value, std::move(shape))});
}

}  // namespace comfystream::nodes
