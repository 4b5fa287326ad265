// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Writes a depth engine from a Depth Anything checkpoint of the models folder "depthanything".
class DepthAnythingEngineBuilder final : public SpecNode {
 public:
  DepthAnythingEngineBuilder();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
