// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/node.hpp"

#include <utility>

namespace comfystream::nodes {

/// A node class that holds its looks; the classes in these folders derive from it and trace.
class SpecNode : public workflow::NodeType {
 public:
  explicit SpecNode(workflow::NodeSpec spec) : spec_(std::move(spec)) {}
  [[nodiscard]] const workflow::NodeSpec& spec() const noexcept override { return spec_; }

 private:
  workflow::NodeSpec spec_;
};

}  // namespace comfystream::nodes
