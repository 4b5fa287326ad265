// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/blocks/spatial_transformer.hpp"

#include "comfystream/models/blocks/multi_head.hpp"

namespace comfystream::models {

using graph::Value;

namespace {

Value attention(const Module& part, Value x, Value context, std::int64_t heads) {
  const Value mixed =
      multi_head_attention(part.builder(), part.child("to_q").linear(x), part.child("to_k").linear(context),
                           part.child("to_v").linear(context), heads);
  return part.child("to_out.0").linear(mixed);
}

/// value * gelu(gate), the two halves of one projection (Shazeer 2020, "GLU variants improve transformer").
Value feed_forward(const Module& part, Value x) {
  auto& builder = part.builder();
  const Value both = part.child("net.0.proj").linear(x);
  const std::int64_t width = builder.shape(both)[2].count / 2;
  const Value value = builder.slice(both, 2, 0, width);
  const Value gate = builder.slice(both, 2, width, 2 * width);
  return part.child("net.2").linear(builder.mul(value, builder.gelu(gate)));
}

Value transformer_block(const Module& part, Value x, Value context, std::int64_t heads) {
  auto& builder = part.builder();
  const Value own = part.child("norm1").layer_norm(x);
  x = builder.add(attention(part.child("attn1"), own, own, heads), x);
  x = builder.add(attention(part.child("attn2"), part.child("norm2").layer_norm(x), context, heads), x);
  return builder.add(feed_forward(part.child("ff"), part.child("norm3").layer_norm(x)), x);
}

}  // namespace

Value spatial_transformer(const Module& block, Value x, Value context, std::int64_t heads) {
  const auto scope = block.scope();
  auto& builder = block.builder();
  const graph::SymShape shape = builder.shape(x);
  // The 1x1 projections act on channels only, so they are done on tokens: one layout change instead of two kinds of
  // weights.
  Value tokens = to_tokens(builder, block.child("norm").group_norm(x, 1e-6F));
  tokens = block.child("proj_in").linear(tokens);
  const std::int64_t depth = block.count("transformer_blocks");
  for (std::int64_t i = 0; i < depth; ++i) {
    tokens = transformer_block(block.child("transformer_blocks").child(i), tokens, context, heads);
  }
  tokens = block.child("proj_out").linear(tokens);
  return builder.add(to_map(builder, tokens, shape), x);
}

}  // namespace comfystream::models
