// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/blocks/module.hpp"

namespace comfystream::models {

/// [B, C, h, w] -> [B, C, height, width]: nearest neighbour, then a convolution.
[[nodiscard]] graph::Value upsample(const Module& conv, graph::Value x, std::int64_t height, std::int64_t width);
/// The same, to twice the size.
[[nodiscard]] graph::Value upsample_twice(const Module& conv, graph::Value x);

}  // namespace comfystream::models
