// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// An all-in-one checkpoint: UNet, text encoder and VAE. A part that the file lacks is an Error where it is used.
class CheckpointLoaderSimple final : public SpecNode {
 public:
  CheckpointLoaderSimple();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
