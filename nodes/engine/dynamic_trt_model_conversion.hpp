// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Writes an engine file of a range of batch sizes, picture sizes and prompt lengths.
class DYNAMIC_TRT_MODEL_CONVERSION final : public SpecNode {
 public:
  DYNAMIC_TRT_MODEL_CONVERSION();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
