// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A picture to be looked at beside the live output. Where it is the live output, conversion has made it a SaveTensor.
class PreviewImage final : public SpecNode {
 public:
  PreviewImage();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
