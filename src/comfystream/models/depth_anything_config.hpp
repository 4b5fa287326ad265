// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/depth_anything.hpp"

namespace comfystream::models {

/// What DepthAnything's constructor promises; `weights` in official keys.
[[nodiscard]] DepthAnythingConfig infer_depth_anything_config(const weights::WeightMap& weights,
                                                              std::optional<DepthAnythingVersion> version);

}  // namespace comfystream::models
