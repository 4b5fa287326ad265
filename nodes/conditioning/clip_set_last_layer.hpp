// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// The same text encoder, read at an earlier layer.
class CLIPSetLastLayer final : public SpecNode {
 public:
  CLIPSetLastLayer();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
