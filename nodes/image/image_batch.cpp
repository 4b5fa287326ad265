// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/image_batch.hpp"

#include "nodes/image/fit_centre.hpp"

#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

/// [B, H, W, C] with opaque alpha added up to `channels`.
graph::Value with_channels(graph::Builder& builder, graph::Value image, std::int64_t channels) {
  const graph::SymShape shape = builder.shape(image);
  if (shape[3].count >= channels) return image;
  graph::PadAttrs pad;
  pad.before = {0, 0, 0, 0};
  pad.after = {0, 0, 0, channels - shape[3].count};
  pad.value = 1.0F;
  return builder.pad(image, std::move(pad));
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ImageBatch";
  spec.display_name = "Batch Images";
  spec.category = "image";
  spec.description = "Joins two batches of images; the second is brought to the size of the first.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("image1", "IMAGE"), workflow::socket_input("image2", "IMAGE")};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

ImageBatch::ImageBatch() : SpecNode(make_spec()) {}

void ImageBatch::trace(NodeContext& context) const {
  graph::Builder& builder = context.builder();
  graph::Value first = context.input<workflow::ImageValue>("image1").value;
  graph::Value second = context.input<workflow::ImageValue>("image2").value;
  const std::int64_t channels = std::max(builder.shape(first)[3].count, builder.shape(second)[3].count);
  first = with_channels(builder, first, channels);
  second = with_channels(builder, second, channels);
  const graph::SymShape size = builder.shape(first);
  graph::Value planes = builder.transpose(second, {0, 3, 1, 2});
  planes = trace_fit_centre(builder, planes, size[1].count, size[2].count, graph::ResizeMode::kBilinear);
  second = builder.transpose(planes, {0, 2, 3, 1});
  context.set_output(0, workflow::ImageValue{builder.concat({first, second}, 0)});
}

}  // namespace comfystream::nodes
