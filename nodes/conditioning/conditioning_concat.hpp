// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Both prompts' tokens, one after the other, with the ControlNets of conditioning_to alone, as in ComfyUI.
class ConditioningConcat final : public SpecNode {
 public:
  ConditioningConcat();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
