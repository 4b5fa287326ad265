// SPDX-License-Identifier: Apache-2.0
#include "nodes/conditioning/clip_set_last_layer.hpp"

#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "CLIPSetLastLayer";
  spec.display_name = "CLIP Set Last Layer";
  spec.category = "conditioning";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("clip", "CLIP"), workflow::int_input("stop_at_clip_layer", -1, -24, -1, 1)};
  spec.outputs = {{"CLIP", ""}};
  return spec;
}

}  // namespace

CLIPSetLastLayer::CLIPSetLastLayer() : SpecNode(make_spec()) {}

void CLIPSetLastLayer::trace(NodeContext& context) const {
  auto clip = context.input<workflow::ClipValue>("clip");
  clip.stop_at_layer = context.integer("stop_at_clip_layer");
  context.set_output(0, std::move(clip));
}

}  // namespace comfystream::nodes
