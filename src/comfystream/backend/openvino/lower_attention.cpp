// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"

#include <limits>

#include <openvino/op/add.hpp>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

/// 0 where key <= query, else minus infinity: [queries, keys].
OvOutput causal_mask(std::int64_t queries, std::int64_t keys) {
  std::vector<float> values(static_cast<std::size_t>(queries * keys), 0.0F);
  for (std::int64_t query = 0; query < queries; ++query) {
    for (std::int64_t key = query + 1; key < keys; ++key) {
      values[static_cast<std::size_t>(query * keys + key)] = -std::numeric_limits<float>::infinity();
    }
  }
  const ov::Shape shape{static_cast<std::size_t>(queries), static_cast<std::size_t>(keys)};
  return ov::op::v0::Constant::create(ov::element::f32, shape, values)->output(0);
}

/// Operand `index` with as many rows as the queries: OpenVINO's attention does not repeat keys and values.
OvOutput with_query_batch(const NodeContext& context, std::size_t index) {
  graph::SymShape shape = context.operand_type(index).shape;
  const graph::Dim& wanted = context.operand_type(0).shape[0];
  if (shape[0] == wanted) {
    return context.operand(index);
  }
  shape.dims()[0] = wanted;
  return context.make<ov::op::v3::Broadcast>(context.operand(index), context.lowering().dims(shape));
}

}  // namespace

OvOutput lower_attention(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::AttentionAttrs>();
  const OvOutput& query = context.operand(0);
  const OvOutput key = with_query_batch(context, 1);
  const OvOutput value = with_query_batch(context, 2);
  const bool masked = context.operand_count() > 3;
  OvOutput mask = masked ? context.operand(3) : context.scalar(0.0F);
  // OpenVINO ignores the mask of a causal attention, so the two become one mask.
  const bool both = attrs.causal && masked;
  if (both) {
    const std::int64_t queries = context.operand_type(0).shape[2].count;
    const std::int64_t keys = context.operand_type(1).shape[2].count;
    mask = context.make<ov::op::v1::Add>(mask, causal_mask(queries, keys));
  }
  return context.make<ov::op::v13::ScaledDotProductAttention>(query, key, value, mask, context.scalar(attrs.scale),
                                                              attrs.causal && !both);
}

}  // namespace comfystream::backend::openvino
