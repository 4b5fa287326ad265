// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Names an operation that is timed. The timers run in every workflow that has one, linked or not.
class StartPerformanceTimerNode final : public SpecNode {
 public:
  StartPerformanceTimerNode();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
