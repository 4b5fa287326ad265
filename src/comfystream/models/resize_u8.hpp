// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"

namespace comfystream::models {

/// cv2.resize(INTER_LINEAR) of 8-bit pictures, bit for bit (OpenCV 4.11 and 5.0 on x86): x [B, 1, h, w] of whole
/// numbers 0..255 in f32 -> [B, 1, height, width] of whole numbers. OpenCV weighs with 11 bits and drops bits between
/// the two passes (halving both sides, which it does by averaging, comes to the same). Every intermediate is a whole
/// number below 2^24 and every factor of a product has at most 11 bits, so that f32 (and TF32 with f32 sums) is exact.
[[nodiscard]] graph::Value trace_resize_u8(graph::Builder& builder, graph::Value x, std::int64_t height,
                                           std::int64_t width);

}  // namespace comfystream::models
