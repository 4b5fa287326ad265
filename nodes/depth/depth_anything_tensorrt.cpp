// SPDX-License-Identifier: Apache-2.0
#include "nodes/depth/depth_anything_tensorrt.hpp"

#include "comfystream/models/depth_map.hpp"

#include <cstdint>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kColours = 3;

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "DepthAnythingTensorrt";
  spec.display_name = "Depth Anything Tensorrt";
  spec.category = "tensorrt";
  spec.python_module = "custom_nodes.ComfyUI-Depth-Anything-Tensorrt";
  spec.inputs = {workflow::socket_input("images", "IMAGE"), workflow::file_input("engine", "depth-anything")};
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
  const models::DepthMapOptions options{depth.profile.height.opt, depth.profile.width.opt, depth.inverted,
                                        depth.tables.get()};
  context.set_output(0, workflow::ImageValue{models::trace_depth_map(builder, *depth.network, images, options)});
}

}  // namespace comfystream::nodes
