// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A picture that is kept beside the live output. Where it is the live output, conversion has made it a SaveTensor.
class SaveImage final : public SpecNode {
 public:
  SaveImage();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
