// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/backend/openvino/types.hpp"

#include <openvino/op/ceiling.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/floor.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/select.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;
/// OpenVINO's own mark on the Convert that follows a compressed weight. Constant folding leaves such a Convert alone,
/// so the weight is widened once, while it is packed for its kernel, instead of living as an f32 copy beside the packed
/// one.
constexpr const char* kDecompressionMark = "decompression_0";

bool is_compressed_weight(const NodeContext& context) {
  const graph::Node& source = context.lowering().graph().node(context.node().operands.at(0));
  const DType from = source.type.dtype;
  return source.kind == graph::OpKind::kConstant && (from == DType::kF16 || from == DType::kBF16) &&
         context.type().dtype == DType::kF32;
}

/// Towards zero in f32, because the plugin's own conversion may round to nearest after fusing with its neighbours.
OvOutput truncated(const NodeContext& context, const OvOutput& x) {
  if (context.type().dtype == DType::kU8) {
    return context.make<ov::op::v0::Floor>(context.make<ov::op::v0::Clamp>(x, 0.0, 255.0));
  }
  const OvOutput negative = context.make<ov::op::v1::Less>(x, context.scalar(0.0F));
  return context.make<ov::op::v1::Select>(negative, context.make<ov::op::v0::Ceiling>(x),
                                          context.make<ov::op::v0::Floor>(x));
}

}  // namespace

OvOutput lower_cast(const NodeContext& context) {
  const DType from = context.operand_type(0).dtype;
  const DType to = context.type().dtype;
  const bool to_integer = to == DType::kU8 || to == DType::kI32 || to == DType::kI64;
  const OvOutput x = is_floating(from) && to_integer ? truncated(context, context.operand(0)) : context.operand(0);
  OvOutput converted = context.make<ov::op::v0::Convert>(x, element_type(to));
  if (is_compressed_weight(context)) {
    converted.get_node()->get_rt_info()[kDecompressionMark] = true;
  }
  return converted;
}

}  // namespace comfystream::backend::openvino
