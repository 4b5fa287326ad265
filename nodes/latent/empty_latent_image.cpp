// SPDX-License-Identifier: Apache-2.0
#include "nodes/latent/empty_latent_image.hpp"

#include <cstdint>
#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kLargest = 16384;
constexpr std::int64_t kPixelsPerLatent = 8;

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "EmptyLatentImage";
  spec.display_name = "Empty Latent Image";
  spec.category = "latent";
  spec.description = "Creates empty latents to be denoised.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::int_input("width", 512, 16, kLargest, 8),
                 workflow::int_input("height", 512, 16, kLargest, 8), workflow::int_input("batch_size", 1, 1, 4096)};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

}  // namespace

EmptyLatentImage::EmptyLatentImage() : SpecNode(make_spec()) {}

void EmptyLatentImage::trace(NodeContext& context) const {
  const auto [width, height] = context.size_or(context.integer("width"), context.integer("height"));
  workflow::LatentValue latent;
  latent.rows = context.frames();
  latent.declared_rows = context.integer("batch_size");
  latent.height = height / kPixelsPerLatent;
  latent.width = width / kPixelsPerLatent;
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
