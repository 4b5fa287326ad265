// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A ControlNet for SD 1.x.
class ControlNetLoader final : public SpecNode {
 public:
  ControlNetLoader();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
