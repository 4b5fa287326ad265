// SPDX-License-Identifier: Apache-2.0
#include "nodes/tensor_utils/load_tensor.hpp"

#include <utility>

namespace comfystream::nodes {
namespace {

workflow::NodeSpec load_tensor_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "LoadTensor";
  spec.category = "ComfyStream/Loaders";
  spec.description = "Load image tensor from ComfyStream input.";
  spec.python_module = "custom_nodes.comfystream";
  workflow::InputSpec batch_size = workflow::int_input("batch_size", 1, 1, kLargestDeclaredBatch, 1);
  batch_size.tooltip = "The most frames in one batch; --batch-size overrides it";
  workflow::InputSpec timeout = workflow::float_input("timeout_seconds", 1.0, 0.1, 30.0, 0.1);
  timeout.tooltip = "Accepted for ComfyStream's workflows; a stream waits for its frames as long as it is open";
  spec.inputs = {workflow::optional(std::move(batch_size)), workflow::optional(std::move(timeout))};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

LoadTensor::LoadTensor() : LoadFrames(load_tensor_spec(), 1) {}

}  // namespace comfystream::nodes
