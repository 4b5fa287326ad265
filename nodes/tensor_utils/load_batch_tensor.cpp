// SPDX-License-Identifier: Apache-2.0
#include "nodes/tensor_utils/load_batch_tensor.hpp"

#include <utility>

namespace comfystream::nodes {
namespace {

workflow::NodeSpec load_batch_tensor_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "LoadBatchTensor";
  spec.category = "ComfyStream/Loaders";
  spec.description = "Load the frames of a batch from ComfyStream input.";
  spec.python_module = "custom_nodes.comfystream";
  workflow::InputSpec batch_size = workflow::int_input("batch_size", 2, 1, kLargestDeclaredBatch, 1);
  batch_size.tooltip = "The most frames in one batch; --batch-size overrides it";
  spec.inputs = {std::move(batch_size)};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

LoadBatchTensor::LoadBatchTensor() : LoadFrames(load_batch_tensor_spec(), 2) {}

}  // namespace comfystream::nodes
