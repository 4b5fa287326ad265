// SPDX-License-Identifier: Apache-2.0
// The SD 1.x UNet (LDM's openaimodel.UNetModel; diffusers' UNet2DConditionModel), any size.
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace comfystream::models {

/// Read off the tensor shapes of a file in LDM keys (input_blocks.0.0.weight, ...; no prefix).
struct UNetConfig {
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::int64_t model_channels = 320;
  std::vector<std::int64_t> channel_mult;       ///< per level
  std::int64_t res_blocks = 2;                  ///< per level
  std::vector<std::int64_t> transformer_depth;  ///< per level; 0 where the level has no attention
  std::int64_t middle_depth = 1;
  std::int64_t context_dim = 768;
  std::int64_t heads = 8;
  bool operator==(const UNetConfig&) const = default;
};

[[nodiscard]] UNetConfig infer_unet_config(const weights::WeightMap& ldm);

/// ControlNet's (or several ControlNets' summed) residuals, already scaled: one per skip connection, first block first,
/// and the middle block's.
struct ControlResiduals {
  std::vector<graph::Value> skips;
  std::optional<graph::Value> middle;
};

class UNet {
 public:
  /// `weights` in LDM or diffusers keys, with or without the "model.diffusion_model." prefix.
  explicit UNet(const weights::WeightMap& weights);
  [[nodiscard]] const UNetConfig& config() const noexcept { return config_; }

  /// x [B, 4, h, w], timesteps [B or 1], context [B or 1, 77k, context_dim] -> eps [B, 4, h, w]. h and w may be
  /// any (ComfyUI upsamples to the size of the skip connection). B may be 1 (static) or a multiple of N; operands
  /// broadcast.
  graph::Value trace(graph::Builder& builder, graph::Value x, graph::Value timesteps, graph::Value context,
                     const ControlResiduals* control = nullptr) const;

 private:
  UNetConfig config_;
  weights::WeightMap weights_;  ///< LDM keys
};

}  // namespace comfystream::models
