// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/error.hpp"

#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/pad.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/split.hpp>
#include <openvino/op/transpose.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

ov::op::PadMode pad_mode(graph::PadMode mode) {
  switch (mode) {
    case graph::PadMode::kConstant:
      return ov::op::PadMode::CONSTANT;
    case graph::PadMode::kReflect:
      return ov::op::PadMode::REFLECT;
    case graph::PadMode::kReplicate:
      return ov::op::PadMode::EDGE;
  }
  throw Error(ErrorCode::kInternal, "openvino: unknown pad mode");
}

/// Parts begin..end of the k parts of N rows each. A Split keeps the bounds of N, which a Slice between computed ends
/// loses.
OvOutput slice_batch(const NodeContext& context, const graph::SliceAttrs& attrs) {
  const auto parts = context.operand_type(0).shape[static_cast<std::size_t>(attrs.axis)].count;
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {attrs.axis});
  const auto split = std::make_shared<ov::op::v1::Split>(context.operand(0), axis, static_cast<std::size_t>(parts));
  split->set_friendly_name(context.friendly_name());
  ov::OutputVector kept;
  for (std::int64_t part = attrs.begin; part < attrs.end; ++part) {
    kept.push_back(split->output(static_cast<std::size_t>(part)));
  }
  return kept.size() == 1 ? kept.front() : context.make<ov::op::v0::Concat>(kept, attrs.axis);
}

}  // namespace

OvOutput lower_concat(const NodeContext& context) {
  ov::OutputVector operands;
  for (std::size_t index = 0; index < context.operand_count(); ++index) {
    operands.push_back(context.operand(index));
  }
  return context.make<ov::op::v0::Concat>(operands, context.attrs<graph::ConcatAttrs>().axis);
}

OvOutput lower_slice(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::SliceAttrs>();
  if (attrs.of_batch) {
    return slice_batch(context, attrs);
  }
  return context.make<ov::op::v8::Slice>(context.operand(0), context.ints({attrs.begin}), context.ints({attrs.end}),
                                         context.ints({attrs.step}), context.ints({attrs.axis}));
}

OvOutput lower_reshape(const NodeContext& context) {
  // The one dimension that may depend on N follows from the others, so the target is a constant.
  const bool dynamic = context.lowering().max_batch() > 1;
  std::vector<std::int64_t> target;
  for (const graph::Dim& dim : context.type().shape.dims()) {
    target.push_back(dim.batch && dynamic ? -1 : dim.count);
  }
  return context.make<ov::op::v1::Reshape>(context.operand(0), context.ints(target), false);
}

OvOutput lower_transpose(const NodeContext& context) {
  return context.make<ov::op::v1::Transpose>(context.operand(0),
                                             context.ints(context.attrs<graph::TransposeAttrs>().order));
}

OvOutput lower_expand(const NodeContext& context) {
  return context.make<ov::op::v3::Broadcast>(context.operand(0), context.lowering().dims(context.type().shape));
}

OvOutput lower_pad(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::PadAttrs>();
  const OvOutput value =
      ov::op::v0::Constant::create(context.operand(0).get_element_type(), ov::Shape{}, {attrs.value})->output(0);
  return context.make<ov::op::v1::Pad>(context.operand(0), context.ints(attrs.before), context.ints(attrs.after), value,
                                       pad_mode(attrs.mode));
}

}  // namespace comfystream::backend::openvino
