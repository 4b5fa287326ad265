// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lowering.hpp"

#include "comfystream/backend/openvino/errors.hpp"
#include "comfystream/backend/openvino/lower_ops.hpp"
#include "comfystream/backend/openvino/types.hpp"
#include "comfystream/error.hpp"

#include <algorithm>

#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/squeeze.hpp>

namespace comfystream::backend::openvino {
namespace {

using ov::op::v0::Constant;
using OvOutput = ov::Output<ov::Node>;

OvOutput make_ints(const std::vector<std::int64_t>& values) {
  return Constant::create(ov::element::i64, {values.size()}, values)->output(0);
}

OvOutput dispatch(const NodeContext& context) {
  using graph::OpKind;
  switch (context.node().kind) {
    case OpKind::kConv2d:
      return lower_conv2d(context);
    case OpKind::kConvTranspose2d:
      return lower_conv_transpose2d(context);
    case OpKind::kLinear:
      return lower_linear(context);
    case OpKind::kMatmul:
      return lower_matmul(context);
    case OpKind::kAttention:
      return lower_attention(context);
    case OpKind::kGroupNorm:
      return lower_group_norm(context);
    case OpKind::kLayerNorm:
      return lower_layer_norm(context);
    case OpKind::kUnary:
      return lower_unary(context);
    case OpKind::kBinary:
      return lower_binary(context);
    case OpKind::kClamp:
      return lower_clamp(context);
    case OpKind::kCompare:
      return lower_compare(context);
    case OpKind::kSelect:
      return lower_select(context);
    case OpKind::kConcat:
      return lower_concat(context);
    case OpKind::kSlice:
      return lower_slice(context);
    case OpKind::kReshape:
      return lower_reshape(context);
    case OpKind::kTranspose:
      return lower_transpose(context);
    case OpKind::kExpand:
      return lower_expand(context);
    case OpKind::kResize:
      return lower_resize(context);
    case OpKind::kPad:
      return lower_pad(context);
    case OpKind::kEmbedding:
      return lower_embedding(context);
    case OpKind::kReduce:
      return lower_reduce(context);
    case OpKind::kSoftmax:
      return lower_softmax(context);
    case OpKind::kCast:
      return lower_cast(context);
    case OpKind::kTimestepEmbedding:
      return lower_timestep_embedding(context);
    case OpKind::kLoop:
      return lower_loop(context);
    case OpKind::kInput:
    case OpKind::kParameter:
    case OpKind::kConstant:
      break;
  }
  throw Error(ErrorCode::kInternal, "openvino: " + std::string(graph::to_string(context.node().kind)) +
                                        " is a source and has nothing to lower");
}

}  // namespace

Lowering::Lowering(const graph::Graph& graph, std::int64_t max_batch)
    : graph_(graph), max_batch_(max_batch), outputs_(graph.nodes().size()) {}

void Lowering::run(std::size_t rows) {
  for (const graph::Value value : graph_.inputs()) {
    add_source(value, sources_.size() < rows);
  }
  for (const graph::Value value : graph_.parameters()) {
    add_source(value, false);
  }
  for (std::uint32_t id = 0; id < graph_.nodes().size(); ++id) {
    lower_node({id});
  }
}

void Lowering::add_source(graph::Value value, bool row) {
  const graph::Node& node = graph_.node(value);
  ov::PartialShape shape = partial_shape(node.type.shape, max_batch_);
  if (row) {
    shape.insert(shape.begin(), 1);
  }
  auto source = std::make_shared<ov::op::v0::Parameter>(element_type(node.type.dtype), shape);
  source->set_friendly_name(NodeContext(*this, value).friendly_name());
  outputs_.at(value.id) =
      row ? std::make_shared<ov::op::v0::Squeeze>(source, make_ints({0}))->output(0) : source->output(0);
  sources_.push_back(std::move(source));
}

void Lowering::lower_node(graph::Value value) {
  const graph::Node& node = graph_.node(value);
  if (node.kind == graph::OpKind::kInput || node.kind == graph::OpKind::kParameter) {
    return;
  }
  if (node.kind == graph::OpKind::kConstant) {
    const Tensor& tensor = std::get<graph::ConstantAttrs>(node.attrs).value;
    auto constant = borrow_constant(tensor);
    constant->set_friendly_name(NodeContext(*this, value).friendly_name());
    outputs_.at(value.id) = constant->output(0);
    return;
  }
  try {
    outputs_.at(value.id) = dispatch(NodeContext(*this, value));
  } catch (const ov::Exception& exception) {
    throw backend_error("cannot express " + describe(graph_, value), exception);
  }
  check(value);
}

void Lowering::check(graph::Value value) const {
  const graph::ValueType& type = graph_.type(value);
  const OvOutput& made = outputs_.at(value.id);
  const bool same = made.get_element_type() == element_type(type.dtype) &&
                    made.get_partial_shape().compatible(partial_shape(type.shape, max_batch_));
  if (!same) {
    throw Error(ErrorCode::kInternal, "openvino: " + describe(graph_, value) + " became " +
                                          made.get_element_type().to_string() + " " +
                                          made.get_partial_shape().to_string());
  }
}

const OvOutput& Lowering::batch() {
  if (batch_) {
    return *batch_;
  }
  if (max_batch_ == 1) {
    return batch_.emplace(make_ints({1}));
  }
  for (std::size_t index = 0; index < sources_.size(); ++index) {
    const std::size_t inputs = graph_.inputs().size();
    const graph::Value value = index < inputs ? graph_.inputs()[index] : graph_.parameters().at(index - inputs);
    const auto& dims = graph_.type(value).shape.dims();
    const auto dim = std::ranges::find_if(dims, [](const graph::Dim& each) { return each.batch; });
    if (dim == dims.end()) {
      continue;
    }
    const OvOutput shape = std::make_shared<ov::op::v3::ShapeOf>(outputs_.at(value.id))->output(0);
    OvOutput batch = std::make_shared<ov::op::v8::Gather>(shape, make_ints({dim - dims.begin()}), make_ints({0}));
    if (dim->count != 1) {
      batch = std::make_shared<ov::op::v1::Divide>(batch, make_ints({dim->count}))->output(0);
    }
    return batch_.emplace(batch);
  }
  has_batch_probe_ = true;
  sources_.push_back(
      std::make_shared<ov::op::v0::Parameter>(ov::element::u8, ov::PartialShape{ov::Dimension(1, max_batch_)}));
  sources_.back()->set_friendly_name("batch");
  return batch_.emplace(std::make_shared<ov::op::v3::ShapeOf>(sources_.back())->output(0));
}

OvOutput Lowering::dims(const graph::SymShape& shape) {
  if (max_batch_ == 1 || !shape.symbolic()) {
    return make_ints(shape.at(1).dims());
  }
  ov::OutputVector parts;
  std::vector<std::int64_t> fixed;
  const auto flush = [&] {
    if (!fixed.empty()) {
      parts.push_back(make_ints(fixed));
      fixed.clear();
    }
  };
  for (const graph::Dim& dim : shape.dims()) {
    if (!dim.batch) {
      fixed.push_back(dim.count);
      continue;
    }
    flush();
    parts.push_back(
        dim.count == 1 ? batch() : std::make_shared<ov::op::v1::Multiply>(batch(), make_ints({dim.count}))->output(0));
  }
  flush();
  return parts.size() == 1 ? parts.front() : std::make_shared<ov::op::v0::Concat>(parts, 0)->output(0);
}

OvOutput NodeContext::ints(const std::vector<std::int64_t>& values) const { return lowering_.ints(values); }

OvOutput Lowering::ints(const std::vector<std::int64_t>& values) {
  const auto known = ints_.find(values);
  return known != ints_.end() ? known->second : ints_.emplace(values, make_ints(values)).first->second;
}

OvOutput NodeContext::per_channel(std::size_t index, std::size_t rank) const {
  const graph::Node& source = lowering_.graph().node(node().operands.at(index));
  ov::Shape shape(rank, 1);
  shape.at(1) = static_cast<std::size_t>(source.type.shape.elements().count);
  if (source.kind == graph::OpKind::kConstant) {
    return borrow_constant(std::get<graph::ConstantAttrs>(source.attrs).value, shape)->output(0);
  }
  return make<ov::op::v1::Reshape>(operand(index), ints({shape.begin(), shape.end()}), false);
}

OvOutput NodeContext::scalar(float value) const {
  return Constant::create(ov::element::f32, ov::Shape{}, {value})->output(0);
}

std::string NodeContext::friendly_name() const {
  const graph::Node& own = node();
  const std::string what = own.name.empty() ? std::string(graph::to_string(own.kind)) : own.name;
  return own.scope + kScopeEnd + what + "." + std::to_string(value_.id);
}

}  // namespace comfystream::backend::openvino
