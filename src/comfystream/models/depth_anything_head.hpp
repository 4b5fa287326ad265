// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/blocks/module.hpp"
#include "comfystream/models/depth_anything.hpp"

#include <span>

namespace comfystream::models {

/// Depth Anything's DPT head (Ranftl et al., ICCV 2021): four maps of patch features [B, width, h, w], earliest layer
/// first -> depth [B, 1, h * patch, w * patch].
[[nodiscard]] graph::Value trace_depth_head(const Module& head, const DepthAnythingConfig& config,
                                            std::span<const graph::Value> taps);

}  // namespace comfystream::models
