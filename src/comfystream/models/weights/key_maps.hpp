// SPDX-License-Identifier: Apache-2.0
// From the key layouts that model files come in to the one layout that each model is written for. A layout changes
// names and sometimes shapes (a 1x1 convolution stored as a matrix), never values. Tensors are shared with the input,
// not copied, except where several become one (attention's query, key and value in to_depth_anything_keys).
//
// Every function returns its input as it is when it has the wanted layout already (prefixes are stripped), and throws
// Error(kInvalidArgument) listing the first missing keys when the file is neither layout. Block counts come from the
// keys, so models of any size work. Keys that belong to no part of the model are dropped by a conversion.
#pragma once

#include "comfystream/models/weights/weight_map.hpp"

namespace comfystream::weights {

/// LDM's UNetModel: "input_blocks.0.0.weight", no prefix. From LDM ("model.diffusion_model." or none) and diffusers'
/// UNet2DConditionModel ("conv_in.weight"). proj_in and proj_out come out [C, C, 1, 1].
[[nodiscard]] WeightMap to_ldm_unet_keys(const WeightMap& weights);

/// cldm's ControlNet: "input_blocks...", "input_hint_block.k", "zero_convs.k.0", "middle_block_out.0", no prefix. From
/// cldm
/// ("control_model." or none) and diffusers' ControlNetModel ("controlnet_cond_embedding.conv_in.weight").
[[nodiscard]] WeightMap to_cldm_controlnet_keys(const WeightMap& weights);

/// LDM's AutoencoderKL: "encoder.down.0.block.0...", "decoder...", "quant_conv", "post_quant_conv", no prefix. From LDM
/// ("first_stage_model." or none) and diffusers' AutoencoderKL, with to_q or the older query names. Attention's q, k, v
/// and proj_out come out [C, C, 1, 1]. A file with only one half (encoder or decoder) is accepted.
[[nodiscard]] WeightMap to_ldm_vae_keys(const WeightMap& weights);

/// transformers' CLIPTextModel: "text_model.embeddings.token_embedding.weight", no prefix. From transformers
/// and LDM ("cond_stage_model.transformer." or "text_encoder."), also without the inner "text_model.".
[[nodiscard]] WeightMap to_clip_text_keys(const WeightMap& weights);

/// The encoder half as taesd_encoder files name it: "0.weight", "1.conv.0.weight", ... From that or diffusers'
/// AutoencoderTiny ("encoder.layers.0.weight").
[[nodiscard]] WeightMap to_taesd_encoder_keys(const WeightMap& weights);
/// The decoder half as taesd_decoder files name it: layer 0 is the clamp, "1.weight", "3.conv.0.weight", ... From that
/// or diffusers' AutoencoderTiny ("decoder.layers.0.weight", which counts from 0).
[[nodiscard]] WeightMap to_taesd_decoder_keys(const WeightMap& weights);

/// The official Depth Anything files: "pretrained.blocks.0.attn.qkv.weight", "depth_head.scratch.layer1_rn.weight".
/// From those or transformers' DepthAnythingForDepthEstimation ("backbone.encoder.layer.0...").
[[nodiscard]] WeightMap to_depth_anything_keys(const WeightMap& weights);

/// The parts of an all-in-one checkpoint, prefixes removed; a part that the file lacks is empty.
struct Checkpoint {
  WeightMap unet;  ///< from "model.diffusion_model."
  WeightMap clip;  ///< from "cond_stage_model.transformer.", transformers keys
  WeightMap vae;   ///< from "first_stage_model."
};

/// Error(kInvalidArgument) when no part is there at all.
[[nodiscard]] Checkpoint split_checkpoint(const WeightMap& weights);

}  // namespace comfystream::weights
