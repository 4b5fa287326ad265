// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"

#include <cstdint>

namespace comfystream::nodes {

/// A ControlNet's picture as ComfyUI brings it to the latent's size: image [B, H, W, 3 or more] -> [B, 3, height,
/// width], cut in the middle to the wanted proportions, then nearest-exact.
[[nodiscard]] graph::Value trace_hint(graph::Builder& builder, graph::Value image, std::int64_t height,
                                      std::int64_t width);

}  // namespace comfystream::nodes
