// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace comfystream::models {

/// How many attention heads a CLIP text encoder or a DINOv2 of this width has: one for every 64 elements.
/// Error(kInvalidArgument) names `what` when the width does not divide.
[[nodiscard]] std::int64_t heads_of_width(std::int64_t width, const std::string& what);

}  // namespace comfystream::models
