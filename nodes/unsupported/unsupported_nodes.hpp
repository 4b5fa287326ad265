// SPDX-License-Identifier: Apache-2.0
// ComfyStream's sound and text nodes: their workflows are read and checked, and refused when they are to run.
#pragma once

#include "nodes/spec_node.hpp"

#include <vector>

namespace comfystream::nodes {

class UnsupportedNode final : public SpecNode {
 public:
  using SpecNode::SpecNode;
  /// Throws Error(kUnsupported) with the reason of its spec.
  void trace(workflow::NodeContext& context) const override;
};

/// Looks of those nodes, each with the reason why it does not run.
[[nodiscard]] std::vector<workflow::NodeSpec> unsupported_specs();

}  // namespace comfystream::nodes
