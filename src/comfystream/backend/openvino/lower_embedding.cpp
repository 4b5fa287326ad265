// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/backend/timestep_frequencies.hpp"

#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/cos.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/pad.hpp>
#include <openvino/op/sin.hpp>
#include <openvino/op/unsqueeze.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

OvOutput frequencies(const graph::TimestepEmbeddingAttrs& attrs) {
  const auto values = timestep_frequencies(attrs);
  return ov::op::v0::Constant::create(ov::element::f32, {1, values.size()}, values)->output(0);
}

}  // namespace

OvOutput lower_embedding(const NodeContext& context) {
  const OvOutput axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0})->output(0);
  return context.make<ov::op::v8::Gather>(context.operand(1), context.operand(0), axis);
}

OvOutput lower_timestep_embedding(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::TimestepEmbeddingAttrs>();
  const OvOutput column = context.make<ov::op::v0::Unsqueeze>(context.operand(0), context.ints({1}));
  const OvOutput angles = context.make<ov::op::v1::Multiply>(column, frequencies(attrs));
  const OvOutput sines = context.make<ov::op::v0::Sin>(angles);
  const OvOutput cosines = context.make<ov::op::v0::Cos>(angles);
  OvOutput both = attrs.flip_sin_to_cos ? context.make<ov::op::v0::Concat>(ov::OutputVector{cosines, sines}, 1)
                                        : context.make<ov::op::v0::Concat>(ov::OutputVector{sines, cosines}, 1);
  if (attrs.dim % 2 == 0) {
    return both;
  }
  return context.make<ov::op::v1::Pad>(both, context.ints({0, 0}), context.ints({0, 1}), context.scalar(0.0F),
                                       ov::op::PadMode::CONSTANT);
}

}  // namespace comfystream::backend::openvino
