// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// The rows of image1, then those of image2 brought to image1's size (cut in the middle, bilinear).
class ImageBatch final : public SpecNode {
 public:
  ImageBatch();
  void trace(workflow::NodeContext& context) const override;
  [[nodiscard]] bool fixes_batch() const noexcept override { return true; }
};

}  // namespace comfystream::nodes
