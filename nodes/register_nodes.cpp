// SPDX-License-Identifier: Apache-2.0
#include "nodes/register_nodes.hpp"

#include "nodes/tensor_utils/load_batch_tensor.hpp"
#include "nodes/tensor_utils/load_tensor.hpp"
#include "nodes/tensor_utils/save_batch_tensor.hpp"
#include "nodes/tensor_utils/save_tensor.hpp"

#include <memory>

namespace comfystream::nodes {

void register_nodes(workflow::NodeRegistry& registry) {
  registry.add(std::make_unique<LoadBatchTensor>());
  registry.add(std::make_unique<LoadTensor>());
  registry.add(std::make_unique<SaveBatchTensor>());
  registry.add(std::make_unique<SaveTensor>());
}

}  // namespace comfystream::nodes
