// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Writes an engine file of one batch size, one picture size and one prompt length.
class STATIC_TRT_MODEL_CONVERSION final : public SpecNode {
 public:
  STATIC_TRT_MODEL_CONVERSION();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
