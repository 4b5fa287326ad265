// SPDX-License-Identifier: Apache-2.0
#include "nodes/mask/load_image_mask.hpp"

#include "nodes/image/image_file.hpp"

#include <algorithm>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

/// The channel's values as [1, H, W]: 0 red, 1 green, 2 blue.
Tensor channel_of(const media::StillImageF32& image, std::size_t channel) {
  constexpr std::size_t kColours = 3;
  std::vector<float> values;
  values.reserve(image.rgb.size() / kColours);
  for (std::size_t i = channel; i < image.rgb.size(); i += kColours) values.push_back(image.rgb[i]);
  return Tensor::from<float>({1, image.height, image.width}, values);
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "LoadImageMask";
  spec.display_name = "Load Image (as Mask)";
  spec.category = "mask";
  spec.description = "Loads one channel of a picture of the input folder as a mask.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("image", "input"),
                 workflow::combo_input("channel", {"alpha", "red", "green", "blue"})};
  spec.outputs = {{"MASK", ""}};
  return spec;
}

}  // namespace

LoadImageMask::LoadImageMask() : SpecNode(make_spec()) {}

void LoadImageMask::trace(NodeContext& context) const {
  const media::StillImageF32 image = load_input_image(context);
  const std::string name = context.text("channel");
  const auto& choices = spec().inputs[1].choices;
  const auto choice = static_cast<std::size_t>(std::find(choices.begin(), choices.end(), name) - choices.begin());
  const Tensor mask = choice > 0 ? channel_of(image, choice - 1)
                                 : transparency(image).value_or(Tensor(DType::kF32, {1, image.height, image.width}));
  context.set_output(0, workflow::MaskValue{context.live("mask", mask)});
}

}  // namespace comfystream::nodes
