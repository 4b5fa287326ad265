// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/clip_loader.hpp"

#include "comfystream/error.hpp"

#include <string>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "CLIPLoader";
  spec.display_name = "Load CLIP";
  spec.category = "advanced/loaders";
  spec.description = "Loads a text encoder: CLIP-L for stable_diffusion.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("clip_name", "clip"),
                 workflow::combo_input("type", {"stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi",
                                                "ltxv", "pixart", "cosmos", "lumina2", "wan", "hidream", "chroma",
                                                "ace", "omnigen2", "qwen_image", "hunyuan_image"}),
                 workflow::optional(workflow::combo_input("device", {"default", "cpu"}))};
  spec.outputs = {{"CLIP", ""}};
  return spec;
}

}  // namespace

CLIPLoader::CLIPLoader() : SpecNode(make_spec()) {}

void CLIPLoader::trace(NodeContext& context) const {
  const std::string type = context.text("type");
  if (type != "stable_diffusion") {
    throw Error(ErrorCode::kUnsupported, "text encoders of type '" + type + "' are not supported",
                "choose 'stable_diffusion': SD 1.x models are what runs here");
  }
  context.set_output(0, context.models().clip(context.text("clip_name")));
}

}  // namespace comfystream::nodes
