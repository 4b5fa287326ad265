// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Samples latents: noise of the seed, the sampler's steps, guidance (none at cfg 1) and ControlNets. Live: seed, and
/// cfg other than 1. Structure: steps, sampler, scheduler, denoise, cfg to or from 1.
class KSampler final : public SpecNode {
 public:
  KSampler();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
