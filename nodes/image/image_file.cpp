// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/image_file.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace comfystream::nodes {

media::StillImageF32 load_input_image(const workflow::NodeContext& context) {
  // ComfyUI writes "name [input]" for pictures of that folder, where its other two folders have theirs.
  constexpr std::string_view kAnnotation = " [input]";
  std::string name = context.text("image");
  if (name.ends_with(kAnnotation)) name.resize(name.size() - kAnnotation.size());
  return media::load_image(context.models().folders().resolve("input", name));
}

std::optional<Tensor> transparency(const media::StillImageF32& image) {
  if (image.alpha.empty()) return std::nullopt;
  std::vector<float> values;
  values.reserve(image.alpha.size());
  for (const float alpha : image.alpha) values.push_back(1.0F - alpha);
  return Tensor::from<float>({1, image.height, image.width}, values);
}

}  // namespace comfystream::nodes
