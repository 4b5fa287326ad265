// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Latents amount times, one batch after the other. An empty latent has one row a frame already and stays as it is.
class RepeatLatentBatch final : public SpecNode {
 public:
  RepeatLatentBatch();
  void trace(workflow::NodeContext& context) const override;
  [[nodiscard]] bool fixes_batch() const noexcept override { return true; }
};

}  // namespace comfystream::nodes
