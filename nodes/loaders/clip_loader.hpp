// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A text encoder alone: CLIP-L, as type stable_diffusion has it. The device is the plan's, whatever the node says.
class CLIPLoader final : public SpecNode {
 public:
  CLIPLoader();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
