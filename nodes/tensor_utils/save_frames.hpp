// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// The live output: each row leaves as a frame of its own, never a batch as one tensor.
class SaveFrames : public SpecNode {
 public:
  using SpecNode::SpecNode;
  void trace(workflow::NodeContext& context) const override {
    context.live_output(context.input<workflow::ImageValue>("images"));
  }
};

}  // namespace comfystream::nodes
