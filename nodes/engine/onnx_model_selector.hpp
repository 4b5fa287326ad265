// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Stands in workflows that build engines. Engines are built from the checkpoint, so the choice changes nothing.
class ONNXModelSelector final : public SpecNode {
 public:
  ONNXModelSelector();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
