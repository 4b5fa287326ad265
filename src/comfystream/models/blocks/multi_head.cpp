// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/blocks/multi_head.hpp"

#include "comfystream/error.hpp"

#include <cmath>

namespace comfystream::models {

using graph::SymShape;
using graph::Value;

namespace {

/// [B, t, heads * d] -> [B, heads, t, d]
Value split_heads(graph::Builder& builder, Value x, std::int64_t heads) {
  const SymShape shape = builder.shape(x);
  const std::int64_t width = shape[2].count;
  if (width % heads != 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "attention of width " + std::to_string(width) + " does not divide into " + std::to_string(heads) + " heads",
        "is the file an SD 1.x model?");
  }
  const Value parts = builder.reshape(x, {shape[0], shape[1], heads, width / heads});
  return builder.transpose(parts, {0, 2, 1, 3});
}

}  // namespace

Value multi_head_attention(graph::Builder& builder, Value q, Value k, Value v, std::int64_t heads, bool causal) {
  const Value query = split_heads(builder, q, heads);
  const auto head_size = static_cast<double>(builder.shape(query)[3].count);
  const auto scale = static_cast<float>(1.0 / std::sqrt(head_size));
  const Value mixed =
      builder.attention(query, split_heads(builder, k, heads), split_heads(builder, v, heads), scale, causal);
  const SymShape shape = builder.shape(mixed);
  return builder.reshape(builder.transpose(mixed, {0, 2, 1, 3}), {shape[0], shape[2], heads * shape[3].count});
}

Value to_tokens(graph::Builder& builder, Value map) {
  const SymShape shape = builder.shape(map);
  const Value last = builder.transpose(map, {0, 2, 3, 1});
  return builder.reshape(last, {shape[0], shape[2].count * shape[3].count, shape[1]});
}

Value to_map(graph::Builder& builder, Value tokens, const SymShape& like) {
  const SymShape shape = builder.shape(tokens);
  const Value grid = builder.reshape(tokens, {shape[0], like[2], like[3], shape[2]});
  return builder.transpose(grid, {0, 3, 1, 2});
}

}  // namespace comfystream::models
