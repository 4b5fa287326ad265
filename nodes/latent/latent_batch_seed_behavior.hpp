// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// random: every slot of the batch gets noise of its own, the rows of one draw for the largest batch; fixed: all get
/// the first row's.
class LatentBatchSeedBehavior final : public SpecNode {
 public:
  LatentBatchSeedBehavior();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
