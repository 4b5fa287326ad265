// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_anything.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/blocks/module.hpp"
#include "comfystream/models/blocks/multi_head.hpp"
#include "comfystream/models/depth_anything_config.hpp"
#include "comfystream/models/depth_anything_head.hpp"
#include "comfystream/models/weights/key_maps.hpp"

namespace comfystream::models {
namespace {

using graph::Builder;
using graph::Value;

constexpr float kEpsilon = 1e-6F;

Value load(const Module& module, std::string_view name) {
  return module.builder().weight(module.tensor(name), module.prefix() + "." + std::string(name));
}

/// The position embedding for a grid of patches, [1, 1 + height * width, width of the model].
Value trace_positions(const Module& backbone, const DepthAnythingConfig& config, std::int64_t height,
                      std::int64_t width) {
  Builder& builder = backbone.builder();
  const Value trained = load(backbone, "pos_embed");
  const std::int64_t grid = config.position_grid;
  if (height == grid && width == grid) return trained;
  const Value of_class = builder.slice(trained, 1, 0, 1);
  const Value of_patches = builder.slice(trained, 1, 1, 1 + grid * grid);
  const Value map = to_map(builder, of_patches, {1, config.width, grid, grid});
  const Value resized = builder.resize(map, {graph::ResizeMode::kBicubic, height, width, false});
  return builder.concat({of_class, to_tokens(builder, resized)}, 1);
}

/// Patches and the class token with their positions: [B, 1 + patches, width].
Value trace_embeddings(const Module& backbone, const DepthAnythingConfig& config, Value picture) {
  Builder& builder = backbone.builder();
  graph::Conv2dAttrs patches;
  patches.stride_h = patches.stride_w = config.patch;
  const Value map = backbone.child("patch_embed.proj").conv(picture, patches);
  const graph::SymShape shape = builder.shape(map);
  const Value tokens = builder.concat({load(backbone, "cls_token"), to_tokens(builder, map)}, 1);
  return builder.add(tokens, trace_positions(backbone, config, shape[2].count, shape[3].count));
}

Value trace_attention(const Module& attention, Value x, const DepthAnythingConfig& config) {
  Builder& builder = attention.builder();
  const Value together = attention.child("qkv").linear(x);
  const std::int64_t width = config.width;
  const Value q = builder.slice(together, 2, 0, width);
  const Value k = builder.slice(together, 2, width, 2 * width);
  const Value v = builder.slice(together, 2, 2 * width, 3 * width);
  return attention.child("proj").linear(multi_head_attention(builder, q, k, v, config.heads));
}

Value trace_block(const Module& block, Value x, const DepthAnythingConfig& config) {
  Builder& builder = block.builder();
  const Value attended = trace_attention(block.child("attn"), block.child("norm1").layer_norm(x, kEpsilon), config);
  x = builder.add(x, builder.mul(attended, load(block, "ls1.gamma")));

  const Value hidden = block.child("mlp.fc1").linear(block.child("norm2").layer_norm(x, kEpsilon));
  const Value changed = block.child("mlp.fc2").linear(builder.gelu(hidden));
  return builder.add(x, builder.mul(changed, load(block, "ls2.gamma")));
}

void check_size(const DepthAnythingConfig& config, const graph::SymShape& shape) {
  const auto fits = [&](const graph::Dim& dim) { return !dim.batch && dim.count > 0 && dim.count % config.patch == 0; };
  if (shape.rank() == 4 && shape[1] == graph::Dim(3) && fits(shape[2]) && fits(shape[3])) return;
  throw Error(ErrorCode::kInvalidArgument,
              "Depth Anything takes pictures [N, 3, H, W] whose H and W are multiples of " +
                  std::to_string(config.patch) + ", not " + shape.to_string());
}

}  // namespace

DepthAnything::DepthAnything(const weights::WeightMap& weights, std::optional<DepthAnythingVersion> version)
    : weights_(weights::to_depth_anything_keys(weights)) {
  config_ = infer_depth_anything_config(weights_, version);
}

Value DepthAnything::trace(Builder& builder, Value picture) const {
  const auto scope = builder.scope("depth_anything");
  const graph::SymShape shape = builder.shape(picture);
  check_size(config_, shape);
  const Module backbone(builder, weights_, "pretrained");
  const std::int64_t height = shape[2].count / config_.patch;
  const std::int64_t width = shape[3].count / config_.patch;

  Value x = trace_embeddings(backbone, config_, picture);
  std::vector<Value> taps;
  for (std::int64_t i = 0; taps.size() < config_.taps.size(); ++i) {
    const auto block = builder.scope("blocks." + std::to_string(i));
    x = trace_block(backbone.child("blocks").child(i), x, config_);
    if (config_.taps[taps.size()] != i) continue;
    const Value normed = backbone.child("norm").layer_norm(x, kEpsilon);
    const Value patches = builder.slice(normed, 1, 1, 1 + height * width);
    taps.push_back(to_map(builder, patches, {shape[0], config_.width, height, width}));
  }
  return trace_depth_head(Module(builder, weights_, "depth_head"), config_, taps);
}

}  // namespace comfystream::models
