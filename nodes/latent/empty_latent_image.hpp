// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Latents of nothing but the noise to come, one for each frame of the batch whatever batch_size says. --size overrides
/// width and height.
class EmptyLatentImage final : public SpecNode {
 public:
  EmptyLatentImage();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
