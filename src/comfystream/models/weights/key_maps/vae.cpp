// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

namespace comfystream::weights {
namespace {

constexpr const char* kVae = "an SD 1.x VAE";

std::string at(const std::string& list, std::int64_t index) { return list + "." + std::to_string(index); }

void res_block(KeyMapper& map, const std::string& from, const std::string& to) {
  for (const char* part : {".norm1", ".conv1", ".norm2", ".conv2"}) map.layer(from + part, to + part);
  map.optional_layer(from + ".conv_shortcut", to + ".nin_shortcut");
}

/// `newer` is today's name of an attention's part, `older` that of files made before diffusers 0.18.
void attention_part(KeyMapper& map, const std::string& from, const char* newer, const char* older,
                    const std::string& to) {
  map.pointwise(from + (map.source().contains(from + older + ".weight") ? older : newer), to);
}

void middle(KeyMapper& map, const std::string& half) {
  res_block(map, half + ".mid_block.resnets.0", half + ".mid.block_1");
  res_block(map, half + ".mid_block.resnets.1", half + ".mid.block_2");
  const std::string from = half + ".mid_block.attentions.0.";
  const std::string to = half + ".mid.attn_1.";
  map.layer(from + "group_norm", to + "norm");
  attention_part(map, from, "to_q", "query", to + "q");
  attention_part(map, from, "to_k", "key", to + "k");
  attention_part(map, from, "to_v", "value", to + "v");
  attention_part(map, from, "to_out.0", "proj_attn", to + "proj_out");
}

/// One level, whose resampling diffusers puts in "downsamplers" or "upsamplers" and LDM in "downsample" or "upsample".
void level(KeyMapper& map, const std::string& from, const std::string& to, const std::string& resampling,
           bool resampled) {
  const std::int64_t blocks = map.source().count_indexed(from + ".resnets.");
  for (std::int64_t j = 0; j < blocks; ++j) res_block(map, at(from + ".resnets", j), at(to + ".block", j));
  if (resampled) map.layer(from + "." + resampling + "rs.0.conv", to + "." + resampling + ".conv");
}

void half(KeyMapper& map, const std::string& name) {
  map.layer(name + ".conv_in", name + ".conv_in");
  middle(map, name);
  const bool down = name == "encoder";
  const std::string from = name + (down ? ".down_blocks" : ".up_blocks");
  const std::int64_t levels = map.source().count_indexed(from + ".");
  for (std::int64_t i = 0; i < levels; ++i) {
    // LDM numbers the decoder's levels by resolution, the largest first; diffusers by the order in which they run.
    const std::string to = down ? at("encoder.down", i) : at("decoder.up", levels - 1 - i);
    level(map, at(from, i), to, down ? "downsample" : "upsample", i + 1 < levels);
  }
  map.layer(name + ".conv_norm_out", name + ".norm_out");
  map.layer(name + ".conv_out", name + ".conv_out");
}

}  // namespace

WeightMap to_ldm_vae_keys(const WeightMap& weights) {
  const WeightMap plain = without_prefix(weights, {"first_stage_model.", "vae."});
  if (has_prefix(plain, "encoder.down.") || has_prefix(plain, "decoder.up.")) {
    return with_pointwise(plain,
                          {".attn_1.q.weight", ".attn_1.k.weight", ".attn_1.v.weight", ".attn_1.proj_out.weight"});
  }
  const bool encoder = has_prefix(plain, "encoder.down_blocks.");
  const bool decoder = has_prefix(plain, "decoder.up_blocks.");
  if (!encoder && !decoder) {
    throw_wrong_layout(weights, kVae,
                       {"decoder.up.0.block.0.norm1.weight", "decoder.up_blocks.0.resnets.0.norm1.weight"});
  }
  KeyMapper map(plain, kVae);
  if (encoder) half(map, "encoder");
  if (decoder) half(map, "decoder");
  map.optional_layer("quant_conv", "quant_conv");
  map.optional_layer("post_quant_conv", "post_quant_conv");
  return map.take();
}

}  // namespace comfystream::weights
