// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Pictures to latents; pictures are cut at their borders to a size that the VAE divides evenly.
class VAEEncode final : public SpecNode {
 public:
  VAEEncode();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
