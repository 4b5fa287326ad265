// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A VAE: a file of models/vae, taesd (two halves of models/vae_approx) or pixel_space.
class VAELoader final : public SpecNode {
 public:
  VAELoader();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
