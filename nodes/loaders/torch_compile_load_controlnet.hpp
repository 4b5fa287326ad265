// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Passes its ControlNet on: every model is part of one compiled graph here.
class TorchCompileLoadControlNet final : public SpecNode {
 public:
  TorchCompileLoadControlNet();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
