// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Adds a ControlNet to both conditionings. Strength is live; 0 leaves the conditionings as they are.
class ControlNetApplyAdvanced final : public SpecNode {
 public:
  ControlNetApplyAdvanced();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
