// SPDX-License-Identifier: Apache-2.0
// UNet and ControlNet: diffusers counts blocks within levels, LDM counts them from the first to the last.
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

namespace comfystream::weights {
namespace {

constexpr const char* kUNet = "an SD 1.x UNet";
constexpr const char* kControlNet = "an SD 1.x ControlNet";

std::string at(const std::string& list, std::int64_t index) { return list + "." + std::to_string(index); }

void res_block(KeyMapper& map, const std::string& from, const std::string& to) {
  map.layer(from + ".norm1", to + ".in_layers.0");
  map.layer(from + ".conv1", to + ".in_layers.2");
  map.layer(from + ".time_emb_proj", to + ".emb_layers.1");
  map.layer(from + ".norm2", to + ".out_layers.0");
  map.layer(from + ".conv2", to + ".out_layers.3");
  map.optional_layer(from + ".conv_shortcut", to + ".skip_connection");
}

void transformer(KeyMapper& map, const std::string& from, const std::string& to) {
  map.layer(from + ".norm", to + ".norm");
  map.pointwise(from + ".proj_in", to + ".proj_in");
  map.subtree(from + ".transformer_blocks.", to + ".transformer_blocks.");
  map.pointwise(from + ".proj_out", to + ".proj_out");
}

/// One residual block and the attention behind it, where the level has one; the number of parts that made.
std::int64_t block(KeyMapper& map, const std::string& level, std::int64_t index, const std::string& to) {
  res_block(map, at(level + ".resnets", index), to + ".0");
  const std::string attention = at(level + ".attentions", index);
  if (!has_prefix(map.source(), attention + ".")) return 1;
  transformer(map, attention, to + ".1");
  return 2;
}

void input_blocks(KeyMapper& map) {
  map.layer("conv_in", "input_blocks.0.0");
  std::int64_t next = 1;
  const std::int64_t levels = map.source().count_indexed("down_blocks.");
  for (std::int64_t i = 0; i < levels; ++i) {
    const std::string level = at("down_blocks", i);
    const std::int64_t blocks = map.source().count_indexed(level + ".resnets.");
    for (std::int64_t j = 0; j < blocks; ++j) block(map, level, j, at("input_blocks", next++));
    if (i + 1 < levels) map.layer(level + ".downsamplers.0.conv", at("input_blocks", next++) + ".0.op");
  }
}

void middle_block(KeyMapper& map) {
  const std::int64_t parts = block(map, "mid_block", 0, "middle_block");
  res_block(map, "mid_block.resnets.1", at("middle_block", parts));
}

void output_blocks(KeyMapper& map) {
  std::int64_t next = 0;
  const std::int64_t levels = map.source().count_indexed("up_blocks.");
  if (levels == 0) map.note_missing("up_blocks.0.resnets.0.norm1.weight");
  for (std::int64_t i = 0; i < levels; ++i) {
    const std::string level = at("up_blocks", i);
    const std::int64_t blocks = map.source().count_indexed(level + ".resnets.");
    for (std::int64_t j = 0; j < blocks; ++j) {
      const std::string to = at("output_blocks", next++);
      const std::int64_t parts = block(map, level, j, to);
      if (i + 1 < levels && j + 1 == blocks) map.layer(level + ".upsamplers.0.conv", at(to, parts) + ".conv");
    }
  }
}

void time_embedding(KeyMapper& map) {
  map.layer("time_embedding.linear_1", "time_embed.0");
  map.layer("time_embedding.linear_2", "time_embed.2");
}

void hint_and_outlets(KeyMapper& map) {
  const std::string hint = "controlnet_cond_embedding.";
  // The hint's convolutions stand at even places of a sequence, with an activation between each two.
  map.layer(hint + "conv_in", "input_hint_block.0");
  const std::int64_t blocks = map.source().count_indexed(hint + "blocks.");
  for (std::int64_t i = 0; i < blocks; ++i) map.layer(at(hint + "blocks", i), at("input_hint_block", 2 * (i + 1)));
  map.layer(hint + "conv_out", at("input_hint_block", 2 * (blocks + 1)));
  const std::int64_t outlets = map.source().count_indexed("controlnet_down_blocks.");
  for (std::int64_t i = 0; i < outlets; ++i) {
    map.pointwise(at("controlnet_down_blocks", i), at("zero_convs", i) + ".0");
  }
  map.pointwise("controlnet_mid_block", "middle_block_out.0");
}

}  // namespace

WeightMap to_ldm_unet_keys(const WeightMap& weights) {
  const WeightMap plain = without_prefix(weights, {"model.diffusion_model.", "diffusion_model."});
  if (plain.contains("input_blocks.0.0.weight")) {
    return with_pointwise(plain, {".proj_in.weight", ".proj_out.weight"});
  }
  if (!plain.contains("conv_in.weight") || !has_prefix(plain, "down_blocks.")) {
    throw_wrong_layout(weights, kUNet, {"input_blocks.0.0.weight", "conv_in.weight"});
  }
  KeyMapper map(plain, kUNet);
  time_embedding(map);
  input_blocks(map);
  middle_block(map);
  output_blocks(map);
  map.layer("conv_norm_out", "out.0");
  map.layer("conv_out", "out.2");
  return map.take();
}

WeightMap to_cldm_controlnet_keys(const WeightMap& weights) {
  const WeightMap plain = without_prefix(weights, {"control_model."});
  if (plain.contains("input_hint_block.0.weight")) {
    return with_pointwise(plain, {".proj_in.weight", ".proj_out.weight"});
  }
  if (!plain.contains("controlnet_cond_embedding.conv_in.weight")) {
    throw_wrong_layout(weights, kControlNet, {"input_hint_block.0.weight", "controlnet_cond_embedding.conv_in.weight"});
  }
  KeyMapper map(plain, kControlNet);
  time_embedding(map);
  input_blocks(map);
  middle_block(map);
  hint_and_outlets(map);
  return map.take();
}

}  // namespace comfystream::weights
