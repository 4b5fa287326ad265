// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Rows of a batch; what lies beyond its end is left out.
class ImageFromBatch final : public SpecNode {
 public:
  ImageFromBatch();
  void trace(workflow::NodeContext& context) const override;
  [[nodiscard]] bool fixes_batch() const noexcept override { return true; }
};

}  // namespace comfystream::nodes
