// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/error.hpp"

#include <openvino/op/add.hpp>
#include <openvino/op/group_normalization.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/reduce_min.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/softmax.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

}  // namespace

OvOutput lower_group_norm(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::GroupNormAttrs>();
  return context.make<ov::op::v12::GroupNormalization>(context.operand(0), context.operand(1), context.operand(2),
                                                       attrs.groups, static_cast<double>(attrs.epsilon));
}

OvOutput lower_layer_norm(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::LayerNormAttrs>();
  const OvOutput normal = context.make<ov::op::v6::MVN>(context.operand(0), context.ints({-1}), true, attrs.epsilon,
                                                        ov::op::MVNEpsMode::INSIDE_SQRT);
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
