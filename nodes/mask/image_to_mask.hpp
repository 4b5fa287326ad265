// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// One channel of a picture as a mask.
class ImageToMask final : public SpecNode {
 public:
  ImageToMask();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
