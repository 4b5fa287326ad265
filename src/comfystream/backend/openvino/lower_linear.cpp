// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"

#include <openvino/op/add.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/reshape.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

OvOutput with_channel_bias(const NodeContext& context, const OvOutput& x) {
  if (context.operand_count() < 3) {
    return x;
  }
  return context.make<ov::op::v1::Add>(x, context.per_channel(2, 4));
}

/// [groups * a, b, kh, kw] as [groups, a, b, kh, kw]: how OpenVINO wants the weight of a grouped convolution.
OvOutput grouped_weight(const NodeContext& context, std::int64_t groups) {
  const Shape shape = context.operand_type(1).shape.at(1);
  return context.make<ov::op::v1::Reshape>(
      context.operand(1), context.ints({groups, shape[0] / groups, shape[1], shape[2], shape[3]}), false);
}

}  // namespace

OvOutput lower_conv2d(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::Conv2dAttrs>();
  const ov::Strides strides{static_cast<std::size_t>(attrs.stride_h), static_cast<std::size_t>(attrs.stride_w)};
  const ov::Strides dilations{static_cast<std::size_t>(attrs.dilation_h), static_cast<std::size_t>(attrs.dilation_w)};
  const ov::CoordinateDiff begin{attrs.pad_top, attrs.pad_left};
  const ov::CoordinateDiff end{attrs.pad_bottom, attrs.pad_right};
  if (attrs.groups == 1) {
    return with_channel_bias(context, context.make<ov::op::v1::Convolution>(context.operand(0), context.operand(1),
                                                                            strides, begin, end, dilations));
  }
  return with_channel_bias(
      context, context.make<ov::op::v1::GroupConvolution>(context.operand(0), grouped_weight(context, attrs.groups),
                                                          strides, begin, end, dilations));
}

OvOutput lower_conv_transpose2d(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::ConvTranspose2dAttrs>();
  const ov::Strides strides(2, static_cast<std::size_t>(attrs.stride));
  const ov::Strides dilations(2, 1);
  const ov::CoordinateDiff pads(2, attrs.pad);
  if (attrs.groups == 1) {
    return with_channel_bias(context, context.make<ov::op::v1::ConvolutionBackpropData>(
                                          context.operand(0), context.operand(1), strides, pads, pads, dilations));
  }
  return with_channel_bias(
      context, context.make<ov::op::v1::GroupConvolutionBackpropData>(
                   context.operand(0), grouped_weight(context, attrs.groups), strides, pads, pads, dilations));
}

OvOutput lower_linear(const NodeContext& context) {
  const OvOutput product = context.make<ov::op::v0::MatMul>(context.operand(0), context.operand(1), false, true);
  return context.operand_count() < 3 ? product : context.make<ov::op::v1::Add>(product, context.operand(2));
}

OvOutput lower_matmul(const NodeContext& context) {
  return context.make<ov::op::v0::MatMul>(context.operand(0), context.operand(1), false,
                                          context.attrs<graph::MatmulAttrs>().transpose_b);
}

}  // namespace comfystream::backend::openvino
