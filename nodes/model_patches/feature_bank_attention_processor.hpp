// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Passes its model on. Reusing features of earlier frames would make a frame depend on its batch; it is refused.
class FeatureBankAttentionProcessor final : public SpecNode {
 public:
  FeatureBankAttentionProcessor();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
