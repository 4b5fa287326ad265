// SPDX-License-Identifier: Apache-2.0
#include "nodes/mask/threshold_mask.hpp"

#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ThresholdMask";
  spec.display_name = "ThresholdMask";
  spec.category = "mask";
  spec.description = "Makes a mask black and white.";
  spec.python_module = "comfy_extras.nodes_mask";
  spec.inputs = {workflow::socket_input("mask", "MASK"), workflow::float_input("value", 0.5, 0.0, 1.0, 0.01)};
  spec.outputs = {{"MASK", ""}};
  return spec;
}

}  // namespace

ThresholdMask::ThresholdMask() : SpecNode(make_spec()) {}

void ThresholdMask::trace(NodeContext& context) const {
  graph::Builder& builder = context.builder();
  const graph::Value mask = context.input<workflow::MaskValue>("mask").value;
  const std::vector<float> value{static_cast<float>(context.number("value"))};
  const graph::Value threshold = context.live("value", Tensor::from<float>({1, 1, 1}, value));
  const graph::Value above = builder.compare(graph::CompareKind::kGreater, mask, threshold);
  context.set_output(0, workflow::MaskValue{builder.cast(above, DType::kF32)});
}

}  // namespace comfystream::nodes
