// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Grey depth maps by a Depth Anything engine; each frame is brought to 0..1 by itself. The engine's profile says at
/// which size its network runs; its batch limits nothing, as the node takes any batch frame by frame.
class DepthAnythingTensorrt final : public SpecNode {
 public:
  DepthAnythingTensorrt();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
