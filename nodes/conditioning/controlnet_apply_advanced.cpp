// SPDX-License-Identifier: Apache-2.0
#include "nodes/conditioning/controlnet_apply_advanced.hpp"

#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ControlNetApplyAdvanced";
  spec.display_name = "Apply ControlNet";
  spec.category = "conditioning/controlnet";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("positive", "CONDITIONING"),
                 workflow::socket_input("negative", "CONDITIONING"),
                 workflow::socket_input("control_net", "CONTROL_NET"),
                 workflow::socket_input("image", "IMAGE"),
                 workflow::float_input("strength", 1.0, 0.0, 10.0, 0.01),
                 workflow::float_input("start_percent", 0.0, 0.0, 1.0, 0.001),
                 workflow::float_input("end_percent", 1.0, 0.0, 1.0, 0.001),
                 workflow::optional(workflow::socket_input("vae", "VAE"))};
  spec.outputs = {{"CONDITIONING", "positive"}, {"CONDITIONING", "negative"}};
  return spec;
}

}  // namespace

ControlNetApplyAdvanced::ControlNetApplyAdvanced() : SpecNode(make_spec()) {}

void ControlNetApplyAdvanced::trace(NodeContext& context) const {
  auto positive = context.input<workflow::ConditioningValue>("positive");
  auto negative = context.input<workflow::ConditioningValue>("negative");
  const auto& net = context.input<workflow::ControlNetValue>("control_net");
  const double strength = context.number("strength");
  if (strength != 0.0) {
    workflow::ControlApplication application;
    application.net = net.net;
    application.name = net.name;
    application.hint = context.input<workflow::ImageValue>("image").value;
    application.strength =
        context.live("strength", Tensor::from<float>({1}, std::vector<float>{static_cast<float>(strength)}));
    application.start_percent = context.number("start_percent");
    application.end_percent = context.number("end_percent");
    application.scope = context.scope_name();
    positive.controls.push_back(application);
    negative.controls.push_back(std::move(application));
  }
  context.set_output(0, std::move(positive));
  context.set_output(1, std::move(negative));
}

}  // namespace comfystream::nodes
