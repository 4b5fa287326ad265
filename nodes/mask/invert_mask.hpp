// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// 1 - mask.
class InvertMask final : public SpecNode {
 public:
  InvertMask();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
