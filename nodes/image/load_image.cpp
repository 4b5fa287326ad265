// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/load_image.hpp"

#include "nodes/image/image_file.hpp"

#include <cstdint>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kEmptyMaskSize = 64;

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "LoadImage";
  spec.display_name = "Load Image";
  spec.category = "image";
  spec.description = "Loads a picture of the input folder.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("image", "input")};
  spec.outputs = {{"IMAGE", ""}, {"MASK", ""}};
  return spec;
}

}  // namespace

LoadImage::LoadImage() : SpecNode(make_spec()) {}

void LoadImage::trace(NodeContext& context) const {
  const media::StillImageF32 image = load_input_image(context);
  const Tensor pixels = Tensor::from<float>({1, image.height, image.width, 3}, image.rgb);
  const Tensor mask = transparency(image).value_or(Tensor(DType::kF32, {1, kEmptyMaskSize, kEmptyMaskSize}));
  context.set_output(0, workflow::ImageValue{context.live("image", pixels)});
  context.set_output(1, workflow::MaskValue{context.live("mask", mask)});
}

}  // namespace comfystream::nodes
