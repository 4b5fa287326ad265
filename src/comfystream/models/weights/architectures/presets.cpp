// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/architectures/presets.hpp"

#include "comfystream/error.hpp"

namespace comfystream::weights {
namespace {

StableDiffusionDims tiny_stable_diffusion() {
  StableDiffusionDims dims;
  dims.unet.model_channels = 32;
  dims.unet.channel_mult = {1, 2, 2, 2};
  // Attention over the 4096 tokens of the first level would cost more than all the rest of so small a network.
  dims.unet.transformer_depth = {0, 1, 1, 0};
  dims.unet.context_dim = 64;
  dims.hint.channels = {4, 4, 8, 8, 16, 16, 32};
  dims.clip = {.vocabulary = 2048, .positions = 77, .width = 64, .layers = 2, .intermediate = 256};
  dims.vae = {.channels = 32, .channel_mult = {1, 1, 2, 2}, .res_blocks = 1, .latent_channels = 4};
  dims.taesd.channels = 8;
  return dims;
}

}  // namespace

StableDiffusionDims stable_diffusion_dims(std::string_view arch) {
  if (arch == "sd15") return {};
  if (arch == "sd15-tiny") return tiny_stable_diffusion();
  throw Error(ErrorCode::kInvalidArgument, "no Stable Diffusion architecture '" + std::string(arch) + "'",
              "known: sd15, sd15-tiny");
}

DepthAnythingDims depth_anything_dims(std::string_view arch) {
  std::string_view size = arch;
  for (const std::string_view version : {"depth-anything-v1-", "depth-anything-v2-"}) {
    if (size.starts_with(version)) size.remove_prefix(version.size());
  }
  if (size == "large" && size != arch) return {};
  if (size == "base" && size != arch) {
    return {.width = 768, .layers = 12, .neck_channels = {96, 192, 384, 768}, .fusion_channels = 128};
  }
  if (size == "small" && size != arch) {
    return {.width = 384, .layers = 12, .neck_channels = {48, 96, 192, 384}, .fusion_channels = 64};
  }
  if (size == "tiny" && size != arch) {
    return {.width = 64, .layers = 4, .neck_channels = {16, 16, 32, 32}, .fusion_channels = 16, .head_channels = 8};
  }
  throw Error(ErrorCode::kInvalidArgument, "no depth architecture '" + std::string(arch) + "'",
              "known: depth-anything-v2-large, -base, -small, -tiny, and the same with v1");
}

}  // namespace comfystream::weights
