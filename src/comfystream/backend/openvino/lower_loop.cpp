// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"

#include <openvino/op/broadcast.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/loop.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/result.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;

/// True for an input of the body, also one that is merely looked at in another shape.
bool is_view_of_input(const graph::Graph& body, graph::Value value) {
  using graph::OpKind;
  OpKind kind = body.node(value).kind;
  while (kind == OpKind::kReshape || kind == OpKind::kTranspose || kind == OpKind::kExpand || kind == OpKind::kSlice ||
         kind == OpKind::kCast) {
    value = body.node(value).operands.front();
    kind = body.node(value).kind;
  }
  return kind == OpKind::kInput;
}

/// The next carried value. One that is merely another carried value is given memory of its own by an operation that
/// changes nothing and that no pass removes: the plugin would let the two share memory and overwrite one with the
/// other.
OvOutput next_value(const NodeContext& context, const Lowering& body, graph::Value value) {
  const OvOutput& next = body.output(value);
  return is_view_of_input(body.graph(), value) ? context.make<ov::op::v1::Maximum>(next, next) : next;
}

OvOutput always() { return ov::op::v0::Constant::create(ov::element::boolean, ov::Shape{1}, {true})->output(0); }

/// A u8 tensor of N elements, for a body that depends on N without an input that shows it.
OvOutput batch_probe(const NodeContext& context) {
  const OvOutput zero = ov::op::v0::Constant::create(ov::element::u8, ov::Shape{1}, {0})->output(0);
  return context.make<ov::op::v3::Broadcast>(zero, context.lowering().batch());
}

}  // namespace

OvOutput lower_loop(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::LoopAttrs>();
  const auto tables = static_cast<std::size_t>(attrs.tables);
  const auto carried = static_cast<std::size_t>(attrs.carried);
  Lowering body(*attrs.body, context.lowering().max_batch());
  body.run(tables);

  ov::OutputVector next;
  for (const graph::Output& output : attrs.body->outputs()) {
    next.push_back(next_value(context, body, output.value));
  }
  // The plugin wants the condition for going on among the body's results, here the last.
  ov::OutputVector results = next;
  results.push_back(always());
  const auto trips = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{1}, {attrs.trip_count});
  auto loop = std::make_shared<ov::op::v5::Loop>(trips, always());
  loop->set_friendly_name(context.friendly_name());
  loop->set_function(std::make_shared<ov::Model>(results, body.sources(), context.friendly_name()));
  loop->set_special_body_ports({-1, static_cast<std::int64_t>(results.size()) - 1});

  for (std::size_t index = 0; index < context.operand_count(); ++index) {
    const auto& source = body.sources().at(index);
    if (index < tables) {
      loop->set_sliced_input(source, context.operand(index), 0, 1, 1, -1, 0);
    } else if (index < tables + carried) {
      loop->set_merged_input(source, context.operand(index), next.at(index - tables));
    } else {
      loop->set_invariant_input(source, context.operand(index));
    }
  }
  if (body.has_batch_probe()) {
    loop->set_invariant_input(body.sources().back(), batch_probe(context));
  }
  OvOutput last = loop->get_iter_value(next.front(), -1);
  loop->validate_and_infer_types();
  return last;
}

}  // namespace comfystream::backend::openvino
