// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Rows batch_index to batch_index + length of a batch, as many of them as there are, with the noise that they have
/// there.
class LatentFromBatch final : public SpecNode {
 public:
  LatentFromBatch();
  void trace(workflow::NodeContext& context) const override;
  [[nodiscard]] bool fixes_batch() const noexcept override { return true; }
};

}  // namespace comfystream::nodes
