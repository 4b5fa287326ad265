// SPDX-License-Identifier: Apache-2.0
// The dimensions of the models that are known by name: published sizes, and small ones for tests and demonstrations.
#pragma once

#include "comfystream/models/weights/architectures/autoencoder.hpp"
#include "comfystream/models/weights/architectures/clip_text.hpp"
#include "comfystream/models/weights/architectures/depth_anything.hpp"
#include "comfystream/models/weights/architectures/unet.hpp"

#include <string_view>
#include <vector>

namespace comfystream::weights {

/// Everything an SD 1.x workflow loads.
struct StableDiffusionDims {
  UNetDims unet;
  HintDims hint;
  ClipTextDims clip;
  AutoencoderKlDims vae;
  TaesdDims taesd;
};

/// "sd15" or "sd15-tiny" (about a thousandth of its arithmetic); Error(kInvalidArgument) lists the names.
[[nodiscard]] StableDiffusionDims stable_diffusion_dims(std::string_view arch);
/// "depth-anything-v2-large", "-base", "-small" or "-tiny" (also with v1); Error(kInvalidArgument) lists the names.
[[nodiscard]] DepthAnythingDims depth_anything_dims(std::string_view arch);

}  // namespace comfystream::weights
