// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/depth_anything.hpp"
#include "comfystream/models/resize_u8.hpp"

#include <functional>

namespace comfystream::models {

/// What a depth engine does around its network.
struct DepthMapOptions {
  std::int64_t engine_height = 518;  ///< the network's own picture size, multiples of its patch
  std::int64_t engine_width = 518;
  bool inverted = false;           ///< 1 - depth: engines with "metric" in their name
  ResizeTables* tables = nullptr;  ///< see trace_resize_u8
  /// Given each frame's own lowest and highest depth [B, 2], the range [B or 1, 2] to be stretched to 0..255, outside
  /// of which depths are clipped. Without it, a frame's own.
  std::function<graph::Value(graph::Value own)> range{};
};

/// The node DepthAnythingTensorrt: images [B, H, W, 3] in 0..1 -> grey depth maps [B, H, W, 3] in 0..1. Bilinear resize
/// to the network's size (no antialiasing, no mean or deviation), depth, minimum and maximum of each frame to 0..255
/// cut off to whole numbers, OpenCV's 8-bit resize back to H x W, divided by 255. A frame of constant depth is 0
/// (before inversion), where the node divides by zero.
[[nodiscard]] graph::Value trace_depth_map(graph::Builder& builder, const DepthAnything& model, graph::Value images,
                                           const DepthMapOptions& options = {});

/// The part after the network: depth [B, 1, h, w] -> maps [B, height, width, 3]. The engine's size is not looked at.
[[nodiscard]] graph::Value trace_depth_to_map(graph::Builder& builder, graph::Value depth, std::int64_t height,
                                              std::int64_t width, const DepthMapOptions& options = {});

}  // namespace comfystream::models
