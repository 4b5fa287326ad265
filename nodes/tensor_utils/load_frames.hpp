// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

#include <cstdint>

namespace comfystream::nodes {

/// The most frames that ComfyStream's load nodes take in one batch.
inline constexpr std::int64_t kLargestDeclaredBatch = 8;

/// A live input: the frames of the batch that runs. `batch_size` is how many that are at most; how long to wait for
/// them is the collector's business (max_delay), so that no batch is ever filled up with repeated or made-up frames.
class LoadFrames : public SpecNode {
 public:
  LoadFrames(workflow::NodeSpec spec, std::int64_t default_batch)
      : SpecNode(std::move(spec)), default_batch_(default_batch) {}

  void trace(workflow::NodeContext& context) const override { context.set_output(0, context.live_frames()); }
  [[nodiscard]] std::int64_t declared_batch(const workflow::WorkflowNode& node) const override {
    const auto value = node.inputs.find("batch_size");
    const bool given = value != node.inputs.end() && value->is_number_integer();
    return given ? value->get<std::int64_t>() : default_batch_;
  }

 private:
  std::int64_t default_batch_;
};

}  // namespace comfystream::nodes
