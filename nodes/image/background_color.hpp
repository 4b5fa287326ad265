// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Pictures of one colour, as large as those given. The colour may change live.
class BackgroundColor final : public SpecNode {
 public:
  BackgroundColor();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
