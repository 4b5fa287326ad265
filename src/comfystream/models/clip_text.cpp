// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_text.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/blocks/module.hpp"
#include "comfystream/models/blocks/multi_head.hpp"
#include "comfystream/models/transformer_heads.hpp"
#include "comfystream/models/weights/key_maps.hpp"

#include <string>
#include <vector>

namespace comfystream::models {
namespace {

using graph::Builder;
using graph::Value;

constexpr float kEpsilon = 1e-5F;

ClipTextConfig infer_config(const weights::WeightMap& weights) {
  const std::string layer = "text_model.encoder.layers.";
  const Shape tokens = weights.at("text_model.embeddings.token_embedding.weight").shape();
  const Shape positions = weights.at("text_model.embeddings.position_embedding.weight").shape();
  const Shape expand = weights.at(layer + "0.mlp.fc1.weight").shape();
  if (tokens.rank() != 2 || positions.rank() != 2 || expand.rank() != 2) {
    throw Error(ErrorCode::kInvalidArgument, weights.origin() + ": CLIP's embeddings and mlp.fc1 must be matrices");
  }
  ClipTextConfig config;
  config.vocabulary = tokens[0];
  config.width = tokens[1];
  config.layers = weights.count_indexed(layer);
  config.heads = heads_of_width(config.width, weights.origin() + ": CLIP text encoder");
  config.intermediate = expand[0];
  config.positions = positions[0];
  return config;
}

Value trace_layer(const Module& layer, Value x, std::int64_t heads) {
  Builder& builder = layer.builder();
  const Module attention = layer.child("self_attn");
  const Value normed = layer.child("layer_norm1").layer_norm(x, kEpsilon);
  const Value q = attention.child("q_proj").linear(normed);
  const Value k = attention.child("k_proj").linear(normed);
  const Value v = attention.child("v_proj").linear(normed);
  const Value mixed = multi_head_attention(builder, q, k, v, heads, /*causal=*/true);
  x = builder.add(x, attention.child("out_proj").linear(mixed));

  const Module mlp = layer.child("mlp");
  const Value hidden = mlp.child("fc1").linear(layer.child("layer_norm2").layer_norm(x, kEpsilon));
  return builder.add(x, mlp.child("fc2").linear(builder.quick_gelu(hidden)));
}

/// How many layers run for ComfyUI's stop_at_clip_layer.
std::int64_t layers_to_run(std::int64_t stop_at_layer, std::int64_t layers) {
  if (stop_at_layer >= 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "CLIP stop_at_layer counts from the end: -1 is the last, not " + std::to_string(stop_at_layer));
  }
  return -stop_at_layer > layers ? layers : layers + stop_at_layer + 1;
}

}  // namespace

ClipText::ClipText(const weights::WeightMap& weights) : weights_(weights::to_clip_text_keys(weights)) {
  config_ = infer_config(weights_);
}

Value ClipText::trace(Builder& builder, Value tokens, std::int64_t stop_at_layer) const {
  const auto scope = builder.scope("clip_text");
  const Module model(builder, weights_, "text_model");
  const Module embeddings = model.child("embeddings");
  const auto table = [&](std::string_view name) { return builder.weight(embeddings.tensor(name), std::string(name)); };
  Value x = builder.add(builder.embedding(tokens, table("token_embedding.weight")), table("position_embedding.weight"));
  const std::int64_t count = layers_to_run(stop_at_layer, config_.layers);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto layer = builder.scope("layers." + std::to_string(i));
    x = trace_layer(model.child("encoder.layers").child(i), x, config_.heads);
  }
  return model.child("final_layer_norm").layer_norm(x, kEpsilon);
}

Value trace_weighted_prompt(Builder& builder, const ClipText& clip, Value tokens, Value weights,
                            std::int64_t stop_at_layer) {
  const ClipTextConfig& config = clip.config();
  std::vector<std::int32_t> empty(static_cast<std::size_t>(config.positions),
                                  static_cast<std::int32_t>(config.vocabulary - 1));
  empty.front() = static_cast<std::int32_t>(config.vocabulary - 2);
  const Value empty_tokens = builder.constant(Tensor::from<std::int32_t>({1, config.positions}, empty), "empty_prompt");

  // The empty prompt travels as one more chunk, so that the encoder is there once.
  const std::int64_t chunks = builder.shape(tokens)[0].count;
  const Value all = clip.trace(builder, builder.concat({tokens, empty_tokens}, 0), stop_at_layer);
  const Value encoded = builder.slice(all, 0, 0, chunks);
  const Value neutral = builder.slice(all, 0, chunks, chunks + 1);
  const Value factors = builder.reshape(weights, {chunks, config.positions, 1});
  const Value weighted = builder.add(builder.mul(builder.sub(encoded, neutral), factors), neutral);
  // Weight 1 takes the encoding itself: (z - e) + e is not z to the last bit.
  const Value plain = builder.compare(graph::CompareKind::kEqual, factors, builder.scalar(1.0F));
  const Value chosen = builder.select(plain, encoded, weighted);
  return builder.reshape(chosen, {1, chunks * config.positions, config.width});
}

}  // namespace comfystream::models
