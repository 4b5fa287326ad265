// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/registry.hpp"

namespace comfystream::nodes {

/// Adds every node class of this program.
void register_nodes(workflow::NodeRegistry& registry);

}  // namespace comfystream::nodes
