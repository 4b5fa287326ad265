// SPDX-License-Identifier: Apache-2.0
// The tensors of the two VAEs that SD 1.x latents are made with.
#pragma once

#include "comfystream/models/weights/architectures/tensor_spec.hpp"

#include <cstdint>
#include <vector>

namespace comfystream::weights {

/// Defaults are SD 1.5's. Channels must be multiples of 32 (group norm).
struct AutoencoderKlDims {
  std::int64_t channels = 128;
  std::vector<std::int64_t> channel_mult = {1, 2, 4, 4};
  std::int64_t res_blocks = 2;
  std::int64_t latent_channels = 4;
};

/// LDM's names: "encoder.conv_in.weight", ..., "quant_conv.weight", "post_quant_conv.weight"; no prefix.
[[nodiscard]] TensorSpecs autoencoder_kl_tensors(const AutoencoderKlDims& dims);

/// Defaults are TAESD's for SD 1.x.
struct TaesdDims {
  std::int64_t channels = 64;
  std::int64_t latent_channels = 4;
};

/// As in the taesd_encoder and taesd_decoder files: sequential indices ("0.weight", "1.conv.0.weight"); the decoder's
/// index 0 is its clamp, which has no tensors.
[[nodiscard]] TensorSpecs taesd_encoder_tensors(const TaesdDims& dims);
[[nodiscard]] TensorSpecs taesd_decoder_tensors(const TaesdDims& dims);

}  // namespace comfystream::weights
