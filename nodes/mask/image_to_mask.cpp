// SPDX-License-Identifier: Apache-2.0
#include "nodes/mask/image_to_mask.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ImageToMask";
  spec.display_name = "Convert Image to Mask";
  spec.category = "mask";
  spec.description = "Takes one channel of an image as a mask.";
  spec.python_module = "comfy_extras.nodes_mask";
  spec.inputs = {workflow::socket_input("image", "IMAGE"),
                 workflow::combo_input("channel", {"red", "green", "blue", "alpha"})};
  spec.outputs = {{"MASK", ""}};
  return spec;
}

}  // namespace

ImageToMask::ImageToMask() : SpecNode(make_spec()) {}

void ImageToMask::trace(NodeContext& context) const {
  graph::Builder& builder = context.builder();
  const graph::Value image = context.input<workflow::ImageValue>("image").value;
  const graph::SymShape shape = builder.shape(image);
  const std::string name = context.text("channel");
  const auto& choices = spec().inputs[1].choices;
  const std::int64_t channel = std::find(choices.begin(), choices.end(), name) - choices.begin();
  if (channel >= shape[3].count) {
    throw Error(ErrorCode::kValidation, "the image has no channel '" + name + "'", "use red, green or blue");
  }
  const graph::Value plane = builder.slice(image, 3, channel, channel + 1);
  context.set_output(0, workflow::MaskValue{builder.reshape(plane, {shape[0], shape[1], shape[2]})});
}

}  // namespace comfystream::nodes
