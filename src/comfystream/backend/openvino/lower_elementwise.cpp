// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/error.hpp"

#include <openvino/op/abs.hpp>
#include <openvino/op/add.hpp>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/equal.hpp>
#include <openvino/op/exp.hpp>
#include <openvino/op/floor.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/greater.hpp>
#include <openvino/op/greater_eq.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/log.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/minimum.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/negative.hpp>
#include <openvino/op/power.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/round.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/sigmoid.hpp>
#include <openvino/op/sqrt.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/swish.hpp>
#include <openvino/op/tanh.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;
/// The 1.702 of x * sigmoid(1.702 x) (Hendrycks and Gimpel, "Gaussian Error Linear Units").
constexpr float kQuickGeluSlope = 1.702F;

/// An operand of a binary operation; one picture that meets a row per frame is repeated. The plugin fuses such a sum
/// into the convolution before it, takes the one picture for the convolution's own memory and fails at the second row
/// (OpenVINO 2026.4). A Broadcast would be optimised away, a Gather is not. Values per channel or smaller are safe, and
/// fuse best as they are.
OvOutput repeated_operand(const NodeContext& context, std::size_t index) {
  const graph::SymShape& result = context.type().shape;
  const graph::SymShape& own = context.lowering().graph().type(context.node().operands.at(index)).shape;
  const bool meets_frames = result.rank() == own.rank() && own.rank() > 2 && result[0].batch && own[0] == graph::Dim(1);
  if (!meets_frames || own[own.rank() - 1] == graph::Dim(1)) return context.operand(index);
  const OvOutput rows =
      context.make<ov::op::v3::Broadcast>(context.ints({0}), context.lowering().dims(graph::SymShape{result[0]}));
  return context.make<ov::op::v8::Gather>(context.operand(index), rows, context.ints({0}));
}

}  // namespace

OvOutput lower_unary(const NodeContext& context) {
  using graph::UnaryKind;
  const OvOutput& x = context.operand(0);
  switch (context.attrs<graph::UnaryAttrs>().kind) {
    case UnaryKind::kSilu:
      return context.make<ov::op::v4::Swish>(x);
    case UnaryKind::kGelu:
      return context.make<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::ERF);
    case UnaryKind::kGeluTanh:
      return context.make<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::TANH);
    case UnaryKind::kQuickGelu:
      return context.make<ov::op::v4::Swish>(x, context.scalar(kQuickGeluSlope));
    case UnaryKind::kRelu:
      return context.make<ov::op::v0::Relu>(x);
    case UnaryKind::kTanh:
      return context.make<ov::op::v0::Tanh>(x);
    case UnaryKind::kSigmoid:
      return context.make<ov::op::v0::Sigmoid>(x);
    case UnaryKind::kFloor:
      return context.make<ov::op::v0::Floor>(x);
    case UnaryKind::kRound:
      return context.make<ov::op::v5::Round>(x, ov::op::v5::Round::RoundMode::HALF_TO_EVEN);
    case UnaryKind::kExp:
      return context.make<ov::op::v0::Exp>(x);
    case UnaryKind::kLog:
      return context.make<ov::op::v0::Log>(x);
    case UnaryKind::kSqrt:
      return context.make<ov::op::v0::Sqrt>(x);
    case UnaryKind::kNeg:
      return context.make<ov::op::v0::Negative>(x);
    case UnaryKind::kAbs:
      return context.make<ov::op::v0::Abs>(x);
  }
  throw Error(ErrorCode::kInternal, "openvino: unknown unary operation");
}

OvOutput lower_binary(const NodeContext& context) {
  using graph::BinaryKind;
  const OvOutput a = repeated_operand(context, 0);
  const OvOutput b = repeated_operand(context, 1);
  switch (context.attrs<graph::BinaryAttrs>().kind) {
    case BinaryKind::kAdd:
      return context.make<ov::op::v1::Add>(a, b);
    case BinaryKind::kSub:
      return context.make<ov::op::v1::Subtract>(a, b);
    case BinaryKind::kMul:
      return context.make<ov::op::v1::Multiply>(a, b);
    case BinaryKind::kDiv:
      return context.make<ov::op::v1::Divide>(a, b);
    case BinaryKind::kMin:
      return context.make<ov::op::v1::Minimum>(a, b);
    case BinaryKind::kMax:
      return context.make<ov::op::v1::Maximum>(a, b);
    case BinaryKind::kPow:
      return context.make<ov::op::v1::Power>(a, b);
  }
  throw Error(ErrorCode::kInternal, "openvino: unknown binary operation");
}

OvOutput lower_clamp(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::ClampAttrs>();
  return context.make<ov::op::v0::Clamp>(context.operand(0), static_cast<double>(attrs.low),
                                         static_cast<double>(attrs.high));
}

OvOutput lower_compare(const NodeContext& context) {
  using graph::CompareKind;
  const OvOutput& a = context.operand(0);
  const OvOutput& b = context.operand(1);
  switch (context.attrs<graph::CompareAttrs>().kind) {
    case CompareKind::kLess:
      return context.make<ov::op::v1::Less>(a, b);
    case CompareKind::kLessEqual:
      return context.make<ov::op::v1::LessEqual>(a, b);
    case CompareKind::kGreater:
      return context.make<ov::op::v1::Greater>(a, b);
    case CompareKind::kGreaterEqual:
      return context.make<ov::op::v1::GreaterEqual>(a, b);
    case CompareKind::kEqual:
      return context.make<ov::op::v1::Equal>(a, b);
  }
  throw Error(ErrorCode::kInternal, "openvino: unknown comparison");
}

OvOutput lower_select(const NodeContext& context) {
  return context.make<ov::op::v1::Select>(context.operand(0), context.operand(1), context.operand(2));
}

}  // namespace comfystream::backend::openvino
