// SPDX-License-Identifier: Apache-2.0
// ControlNet for SD 1.x (lllyasviel's cldm.ControlNet; diffusers' ControlNetModel), any size.
#pragma once

#include "comfystream/models/unet.hpp"

namespace comfystream::models {

class ControlNet {
 public:
  /// `weights` in cldm keys (with or without "control_model.") or diffusers keys.
  explicit ControlNet(const weights::WeightMap& weights);
  [[nodiscard]] const UNetConfig& config() const noexcept { return config_; }

  /// hint [B, 3, 8h, 8w] in 0..1, x [B or 1, 4, h, w]: the same latents the UNet sees -> unscaled residuals.
  ControlResiduals trace(graph::Builder& builder, graph::Value x, graph::Value hint, graph::Value timesteps,
                         graph::Value context) const;

 private:
  UNetConfig config_;
  weights::WeightMap weights_;  ///< cldm keys, no prefix
};

}  // namespace comfystream::models
