// SPDX-License-Identifier: Apache-2.0
// The tensors of an SD 1.x UNet and ControlNet, in LDM's names (openaimodel.UNetModel, cldm.ControlNet).
#pragma once

#include "comfystream/models/weights/architectures/tensor_spec.hpp"

#include <cstdint>
#include <vector>

namespace comfystream::weights {

/// Defaults are SD 1.5's. Group norms have 32 groups, so every level's channels must be multiples of 32.
struct UNetDims {
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::int64_t model_channels = 320;
  std::vector<std::int64_t> channel_mult = {1, 2, 4, 4};
  std::int64_t res_blocks = 2;
  std::vector<std::int64_t> transformer_depth = {1, 1, 1, 0};  ///< per level
  std::int64_t middle_depth = 1;
  std::int64_t context_dim = 768;
};

/// Defaults are the published SD 1.5 ControlNets': the outputs of input_hint_block's first seven convolutions (the
/// eighth gives model_channels); the third, fifth and seventh halve the picture.
struct HintDims {
  std::int64_t picture_channels = 3;
  std::vector<std::int64_t> channels = {16, 16, 32, 32, 96, 96, 256};
};

/// "time_embed.0.weight", "input_blocks.0.0.weight", ..., "out.2.bias"; no prefix.
[[nodiscard]] TensorSpecs unet_tensors(const UNetDims& dims);
/// The UNet's down and middle half, "input_hint_block.k", "zero_convs.k.0" and "middle_block_out.0"; no prefix.
[[nodiscard]] TensorSpecs controlnet_tensors(const UNetDims& dims, const HintDims& hint = {});

}  // namespace comfystream::weights
