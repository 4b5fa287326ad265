// SPDX-License-Identifier: Apache-2.0
#include "nodes/latent/empty_latent_image.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kSmallest = 16;
constexpr std::int64_t kLargest = 16384;
constexpr std::int64_t kPixelsPerLatent = 8;

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "EmptyLatentImage";
  spec.display_name = "Empty Latent Image";
  spec.category = "latent";
  spec.description = "Creates empty latents to be denoised.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::int_input("width", 512, kSmallest, kLargest, 8),
                 workflow::int_input("height", 512, kSmallest, kLargest, 8),
                 workflow::int_input("batch_size", 1, 1, 4096)};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

/// The workflow's own size was validated; one that was asked for instead was not.
void check_size(const NodeContext& context, std::int64_t width, std::int64_t height) {
  if (std::min(width, height) < kSmallest || std::max(width, height) > kLargest) {
    throw Error(ErrorCode::kInvalidArgument, "the size " + size_text(width, height) + " is out of range",
                "ask for " + std::to_string(kSmallest) + " to " + std::to_string(kLargest) + " pixels a side");
  }
  if (width % kPixelsPerLatent == 0 && height % kPixelsPerLatent == 0) return;
  context.note("pictures are " +
               size_text(width / kPixelsPerLatent * kPixelsPerLatent, height / kPixelsPerLatent * kPixelsPerLatent) +
               ", not " + size_text(width, height) + ": latents come in steps of " + std::to_string(kPixelsPerLatent) +
               " pixels");
}

}  // namespace

EmptyLatentImage::EmptyLatentImage() : SpecNode(make_spec()) {}

void EmptyLatentImage::trace(NodeContext& context) const {
  const auto [width, height] = context.size_or(context.integer("width"), context.integer("height"));
  check_size(context, width, height);
  workflow::LatentValue latent;
  latent.rows = context.frames();
  latent.declared_rows = context.integer("batch_size");
  latent.height = height / kPixelsPerLatent;
  latent.width = width / kPixelsPerLatent;
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
