// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/spec_node.hpp"

namespace comfystream::nodes {

/// A UNet from an engine file, one of ours in place of a TensorRT plan. Its profile limits the batch. Model types are
/// those of ComfyUI_TensorRT and of its fork that ComfyStream uses; SD 1.x runs under both names.
class TensorRTLoader final : public SpecNode {
 public:
  TensorRTLoader();
  void trace(workflow::NodeContext& context) const override;
};

}  // namespace comfystream::nodes
