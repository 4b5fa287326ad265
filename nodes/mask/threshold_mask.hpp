// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// 1 where the mask is above the value, 0 elsewhere. The value may change live.
class ThresholdMask final : public SpecNode {
 public:
  ThresholdMask();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
