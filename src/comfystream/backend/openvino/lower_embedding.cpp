// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"

#include <cmath>

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

/// max_period^(-i / (half - shift)), rounded at each step as diffusers' float32 tensors are: large timesteps multiply a
/// frequency's last bit into the sinusoid.
OvOutput frequencies(const graph::TimestepEmbeddingAttrs& attrs) {
  const std::int64_t half = attrs.dim / 2;
  const float divisor = static_cast<float>(half) - attrs.downscale_freq_shift;
  const auto factor = static_cast<float>(-std::log(static_cast<double>(attrs.max_period)));
  std::vector<float> values;
  for (std::int64_t index = 0; index < half; ++index) {
    const float exponent = factor * static_cast<float>(index) / divisor;
    values.push_back(static_cast<float>(std::exp(static_cast<double>(exponent))));
  }
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
  const OvOutput both = attrs.flip_sin_to_cos ? context.make<ov::op::v0::Concat>(ov::OutputVector{cosines, sines}, 1)
                                              : context.make<ov::op::v0::Concat>(ov::OutputVector{sines, cosines}, 1);
  if (attrs.dim % 2 == 0) {
    return both;
  }
  return context.make<ov::op::v1::Pad>(both, context.ints({0, 0}), context.ints({0, 1}), context.scalar(0.0F),
                                       ov::op::PadMode::CONSTANT);
}

}  // namespace comfystream::backend::openvino
