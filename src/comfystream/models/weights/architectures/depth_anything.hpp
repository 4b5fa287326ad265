// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/architectures/tensor_spec.hpp"

#include <cstdint>
#include <vector>

namespace comfystream::weights {

/// Defaults are ViT-L's. Heads are width / 64. The same for V1 and V2, whose tensors do not differ.
struct DepthAnythingDims {
  std::int64_t width = 1024;
  std::int64_t layers = 24;
  std::int64_t patch = 14;
  std::int64_t position_grid = 37;  ///< 518 / 14
  std::vector<std::int64_t> neck_channels = {256, 512, 1024, 1024};
  std::int64_t fusion_channels = 256;
  std::int64_t head_channels = 32;  ///< of the last but one convolution
};

/// The official files' names: "pretrained.cls_token", ..., "depth_head.scratch.output_conv2.2.bias".
[[nodiscard]] TensorSpecs depth_anything_tensors(const DepthAnythingDims& dims);

}  // namespace comfystream::weights
