// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// One channel of a file as a mask; alpha the other way round, as ComfyUI has it: 1 where the picture is transparent.
class LoadImageMask final : public SpecNode {
 public:
  LoadImageMask();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
