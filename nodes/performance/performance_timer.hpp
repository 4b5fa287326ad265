// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// Asks for the time of an operation, which the report and the summary then have. Batches are counted as they run:
/// batch_size and num_images are accepted for ComfyStream's workflows.
class PerformanceTimerNode final : public SpecNode {
 public:
  PerformanceTimerNode();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
