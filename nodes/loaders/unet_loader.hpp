// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A diffusion model alone. Weights keep the dtype of their file: weight_dtype other than default is an Error.
class UNETLoader final : public SpecNode {
 public:
  UNETLoader();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
