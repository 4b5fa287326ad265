// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

#include <utility>

namespace comfystream::nodes {

/// A picture that does not move, and its transparency as a mask (64 x 64 zeros where it has none, as in ComfyUI). Both
/// may change live to pictures of the same size.
class LoadImage : public SpecNode {
 public:
  LoadImage();
  void trace(workflow::NodeContext& context) const override;

 protected:
  explicit LoadImage(workflow::NodeSpec spec) : SpecNode(std::move(spec)) {}
};

}  // namespace comfystream::nodes
