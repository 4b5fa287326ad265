// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/error.hpp"

#include <openvino/op/add.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/reduce_min.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/softmax.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

/// (x - mean) / sqrt(variance + epsilon) over the last dimension.
OvOutput normalized(const NodeContext& context, const OvOutput& x, float epsilon) {
  return context.make<ov::op::v6::MVN>(x, context.ints({-1}), true, epsilon, ov::op::MVNEpsMode::INSIDE_SQRT);
}

}  // namespace

OvOutput lower_group_norm(const NodeContext& context) {
  // By hand, not GroupNormalization: with a dynamic batch the plugin takes that apart into shape arithmetic at run
  // time.
  const auto& attrs = context.attrs<graph::GroupNormAttrs>();
  const graph::SymShape& shape = context.type().shape;
  const OvOutput grouped =
      context.make<ov::op::v1::Reshape>(context.operand(0), context.ints({0, attrs.groups, -1}), true);
  std::vector<std::int64_t> back{0};
  for (std::size_t axis = 1; axis < shape.rank(); ++axis) {
    back.push_back(shape[axis].count);
  }
  const OvOutput normal =
      context.make<ov::op::v1::Reshape>(normalized(context, grouped, attrs.epsilon), context.ints(back), true);
  const OvOutput scaled = context.make<ov::op::v1::Multiply>(normal, context.per_channel(1, shape.rank()));
  return context.make<ov::op::v1::Add>(scaled, context.per_channel(2, shape.rank()));
}

OvOutput lower_layer_norm(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::LayerNormAttrs>();
  const OvOutput normal = normalized(context, context.operand(0), attrs.epsilon);
  return context.make<ov::op::v1::Add>(context.make<ov::op::v1::Multiply>(normal, context.operand(1)),
                                       context.operand(2));
}

OvOutput lower_softmax(const NodeContext& context) {
  return context.make<ov::op::v8::Softmax>(context.operand(0), context.attrs<graph::SoftmaxAttrs>().axis);
}

OvOutput lower_reduce(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::ReduceAttrs>();
  const OvOutput& x = context.operand(0);
  const OvOutput axes = context.ints(attrs.axes);
  switch (attrs.kind) {
    case graph::ReduceKind::kMin:
      return context.make<ov::op::v1::ReduceMin>(x, axes, true);
    case graph::ReduceKind::kMax:
      return context.make<ov::op::v1::ReduceMax>(x, axes, true);
    case graph::ReduceKind::kMean:
      return context.make<ov::op::v1::ReduceMean>(x, axes, true);
    case graph::ReduceKind::kSum:
      return context.make<ov::op::v1::ReduceSum>(x, axes, true);
  }
  throw Error(ErrorCode::kInternal, "openvino: unknown reduction");
}

}  // namespace comfystream::backend::openvino
