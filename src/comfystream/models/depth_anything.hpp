// SPDX-License-Identifier: Apache-2.0
// Depth Anything V1 and V2: DINOv2 (ViT-S/B/L or smaller) with a DPT head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

namespace comfystream::models {

enum class DepthAnythingVersion : std::uint8_t { kV1, kV2 };

struct DepthAnythingConfig {
  DepthAnythingVersion version = DepthAnythingVersion::kV2;
  std::int64_t width = 384;
  std::int64_t layers = 12;
  std::int64_t heads = 6;
  std::int64_t patch = 14;
  std::int64_t position_grid = 37;            ///< side of the trained position embedding (518 / 14)
  std::vector<std::int64_t> taps;             ///< 0-based layers whose outputs the head reads
  std::vector<std::int64_t> neck_channels;
  std::int64_t fusion_channels = 64;
};

class DepthAnything {
 public:
  /// Official or transformers keys. The shapes do not tell V1 from V2: the version comes from metadata, then `version`,
  /// then the file's name; none of them is an Error that says how to state it.
  explicit DepthAnything(const weights::WeightMap& weights, std::optional<DepthAnythingVersion> version = std::nullopt);
  [[nodiscard]] const DepthAnythingConfig& config() const noexcept { return config_; }

  /// picture [N, 3, H, W], H and W multiples of the patch -> relative depth [N, 1, H, W], larger is nearer.
  graph::Value trace(graph::Builder& builder, graph::Value picture) const;

 private:
  DepthAnythingConfig config_;
  weights::WeightMap weights_;  ///< official keys
};

}  // namespace comfystream::models
