// SPDX-License-Identifier: Apache-2.0
#include "nodes/tensor_utils/save_batch_tensor.hpp"

#include <utility>

namespace comfystream::nodes {
namespace {

workflow::NodeSpec save_batch_tensor_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "SaveBatchTensor";
  spec.category = "tensor_utils";
  spec.description = "Send the frames of a batch to ComfyStream output, one by one.";
  spec.python_module = "custom_nodes.comfystream";
  spec.inputs = {workflow::socket_input("images", "IMAGE")};
  spec.output_node = true;
  return spec;
}

}  // namespace

SaveBatchTensor::SaveBatchTensor() : SaveFrames(save_batch_tensor_spec()) {}

}  // namespace comfystream::nodes
