// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"

#include <cstdint>

namespace comfystream::nodes {

/// ComfyUI's common_upscale with crop "center": [B, C, H, W] -> [B, C, height, width], cut in the middle to the wanted
/// proportions (margins rounded to even halves, as Python rounds), then resized.
[[nodiscard]] graph::Value trace_fit_centre(graph::Builder& builder, graph::Value picture, std::int64_t height,
                                            std::int64_t width, graph::ResizeMode mode);

}  // namespace comfystream::nodes
