// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Latents to pictures.
class VAEDecode final : public SpecNode {
 public:
  VAEDecode();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
