// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// torchvision's gaussian blur: edges are mirrored without repeating the outermost pixel.
class GaussianBlur final : public SpecNode {
 public:
  GaussianBlur();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
