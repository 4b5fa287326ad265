// SPDX-License-Identifier: Apache-2.0
// Depth Anything V1 (Yang et al., CVPR 2024) and V2 (NeurIPS 2024): DINOv2 (ViT-S/B/L or smaller) with a DPT head. The
// two differ in their weights and in the layers that the head reads, nothing else.
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace comfystream::models {

enum class DepthAnythingVersion : std::uint8_t { kV1, kV2 };

struct DepthAnythingConfig {
  DepthAnythingVersion version = DepthAnythingVersion::kV2;
  std::int64_t width = 384;
  std::int64_t layers = 12;
  std::int64_t heads = 6;
  std::int64_t patch = 14;
  std::int64_t position_grid = 37;  ///< side of the trained position embedding (518 / 14)
  std::vector<std::int64_t> taps;   ///< 0-based layers whose outputs the head reads
  std::vector<std::int64_t> neck_channels;
  std::int64_t fusion_channels = 64;
  bool metric = false;  ///< the head ends in a sigmoid (fraction of the largest depth), not in a relu
};

/// Metadata that a model file may carry: "v1" or "v2"; "2,5,8,11"; "relative" or "metric".
inline constexpr const char* kDepthVersionKey = "depth_anything_version";
inline constexpr const char* kDepthTapsKey = "depth_anything_taps";
inline constexpr const char* kDepthTypeKey = "depth_estimation_type";

class DepthAnything {
 public:
  /// Official or transformers keys. The shapes do not tell V1 from V2: the version comes from metadata
  /// (kDepthVersionKey, or "v1"/"v2" in "architecture"), then `version`, then "v1"/"v2" in the name of the file or its
  /// folder ("vitl14" without either is V1's own name); none of them is an Error that says how to state it. Taps not in
  /// the metadata are V1's last four layers, or V2's at each quarter of the depth (4, 11, 17, 23 of 24). Metric models
  /// are known by metadata or "metric" in the file's name.
  explicit DepthAnything(const weights::WeightMap& weights, std::optional<DepthAnythingVersion> version = std::nullopt);
  [[nodiscard]] const DepthAnythingConfig& config() const noexcept { return config_; }

  /// picture [N, 3, H, W], H and W multiples of the patch -> relative depth [N, 1, H, W], larger is nearer (metric:
  /// farther). Sizes other than the trained one get its position embedding resized (bicubic to the new grid, as
  /// transformers does; the official code's scale factor is off by 0.1 patch there).
  graph::Value trace(graph::Builder& builder, graph::Value picture) const;

 private:
  DepthAnythingConfig config_;
  weights::WeightMap weights_;  ///< official keys
};

}  // namespace comfystream::models
