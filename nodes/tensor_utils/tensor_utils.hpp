// SPDX-License-Identifier: Apache-2.0
// Where frames enter and leave a workflow: ComfyStream's tensor nodes.
#pragma once

#include "comfystream/workflow/node.hpp"

#include <memory>

namespace comfystream::nodes {

[[nodiscard]] std::unique_ptr<workflow::NodeType> load_batch_tensor();
[[nodiscard]] std::unique_ptr<workflow::NodeType> load_tensor();
[[nodiscard]] std::unique_ptr<workflow::NodeType> save_batch_tensor();
[[nodiscard]] std::unique_ptr<workflow::NodeType> save_tensor();

}  // namespace comfystream::nodes
