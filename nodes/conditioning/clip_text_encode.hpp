// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A prompt's conditioning. Its tokens and weights are live: another prompt of as many 77-token chunks changes no
/// structure.
class CLIPTextEncode final : public SpecNode {
 public:
  CLIPTextEncode();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
