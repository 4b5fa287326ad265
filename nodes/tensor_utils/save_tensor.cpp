// SPDX-License-Identifier: Apache-2.0
#include "nodes/tensor_utils/save_tensor.hpp"

#include <utility>

namespace comfystream::nodes {
namespace {

workflow::NodeSpec save_tensor_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "SaveTensor";
  spec.category = "tensor_utils";
  spec.description = "Send images to ComfyStream output.";
  spec.python_module = "custom_nodes.comfystream";
  workflow::InputSpec split = workflow::bool_input("split_batch", false);
  split.tooltip = "Accepted for ComfyStream's workflows; batches always leave as single frames";
  spec.inputs = {workflow::socket_input("images", "IMAGE"), workflow::optional(std::move(split))};
  spec.output_node = true;
  return spec;
}

}  // namespace

SaveTensor::SaveTensor() : SaveFrames(save_tensor_spec()) {}

}  // namespace comfystream::nodes
