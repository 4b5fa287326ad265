// SPDX-License-Identifier: Apache-2.0
#include "nodes/conditioning/conditioning_concat.hpp"

#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ConditioningConcat";
  spec.display_name = "Conditioning (Concat)";
  spec.category = "conditioning";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("conditioning_to", "CONDITIONING"),
                 workflow::socket_input("conditioning_from", "CONDITIONING")};
  spec.outputs = {{"CONDITIONING", ""}};
  return spec;
}

}  // namespace

ConditioningConcat::ConditioningConcat() : SpecNode(make_spec()) {}

void ConditioningConcat::trace(NodeContext& context) const {
  auto joined = context.input<workflow::ConditioningValue>("conditioning_to");
  const auto& from = context.input<workflow::ConditioningValue>("conditioning_from");
  joined.context = context.builder().concat({joined.context, from.context}, 1);
  if (!from.controls.empty()) {
    context.note("the ControlNet of conditioning_from is dropped, as in ComfyUI; apply it after this node to keep it");
  }
  context.set_output(0, std::move(joined));
}

}  // namespace comfystream::nodes
