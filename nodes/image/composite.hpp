// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Foregrounds over backgrounds: f * mask + b * (1 - mask).
class Composite final : public SpecNode {
 public:
  Composite();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
