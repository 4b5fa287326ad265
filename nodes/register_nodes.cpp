// SPDX-License-Identifier: Apache-2.0
#include "nodes/register_nodes.hpp"

#include "nodes/tensor_utils/tensor_utils.hpp"

namespace comfystream::nodes {
namespace {

void add_tensor_utils(workflow::NodeRegistry& registry) {
  registry.add(load_batch_tensor());
  registry.add(load_tensor());
  registry.add(save_batch_tensor());
  registry.add(save_tensor());
}

}  // namespace

void register_nodes(workflow::NodeRegistry& registry) { add_tensor_utils(registry); }

}  // namespace comfystream::nodes
