// SPDX-License-Identifier: Apache-2.0
#include "nodes/depth/depth_anything_tensorrt.hpp"

#include "comfystream/models/depth_map.hpp"

#include <cstdint>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kColours = 3;
/// How far a running range goes towards each frame's own: half of a change is followed in seven frames.
constexpr float kRunningRate = 0.1F;
constexpr const char* kRunning = "running";

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "DepthAnythingTensorrt";
  spec.display_name = "Depth Anything Tensorrt";
  spec.category = "tensorrt";
  spec.python_module = "custom_nodes.ComfyUI-Depth-Anything-Tensorrt";
  spec.inputs = {workflow::socket_input("images", "IMAGE"), workflow::file_input("engine", "depth-anything")};
  // Ours; upstream has only what "per_frame" means.
  spec.inputs.push_back(
      workflow::optional(workflow::combo_input("normalisation", {"per_frame", kRunning}, "per_frame")));
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

DepthAnythingTensorrt::DepthAnythingTensorrt() : SpecNode(make_spec()) {}

void DepthAnythingTensorrt::trace(NodeContext& context) const {
  const auto depth = context.models().depth_engine(context.text("engine"));
  context.limit_batch("engine '" + depth.name + "'", depth.profile.batch.min, depth.profile.batch.max);
  auto& builder = context.builder();
  graph::Value images = context.input<workflow::ImageValue>("images").value;
  if (builder.shape(images)[3].count > kColours) images = builder.slice(images, 3, 0, kColours);
  models::DepthMapOptions options{depth.profile.height.opt, depth.profile.width.opt, depth.inverted,
                                  depth.tables.get()};
  if (context.text("normalisation") == kRunning) {
    options.range = [&](graph::Value own) { return context.running_range("range", own, kRunningRate); };
  }
  context.set_output(0, workflow::ImageValue{models::trace_depth_map(builder, *depth.network, images, options)});
}

}  // namespace comfystream::nodes
