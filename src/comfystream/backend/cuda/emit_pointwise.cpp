// SPDX-License-Identifier: Apache-2.0
// Elementwise operations and joins, each a generated kernel with everything computed inside it.
#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/storage_types.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <numeric>

namespace comfystream::backend::cuda {
namespace {

using graph::BinaryKind;
using graph::Node;
using graph::OpKind;
using graph::UnaryKind;
using graph::Value;

std::string literal(float value) {
  char text[40];
  std::snprintf(text, sizeof(text), "__int_as_float(0x%08x)", std::bit_cast<std::uint32_t>(value));
  return text;
}

const char* register_type(DType dtype) {
  switch (dtype) {
    case DType::kU8:
    case DType::kBool:
      return "u8";
    case DType::kI32:
      return "int";
    case DType::kI64:
      return "i64";
    default:
      return "float";
  }
}

std::string unary_text(UnaryKind kind, const std::string& x) {
  switch (kind) {
    case UnaryKind::kSilu:
      return "silu(" + x + ")";
    case UnaryKind::kGelu:
      return "gelu(" + x + ")";
    case UnaryKind::kGeluTanh:
      return "gelu_tanh(" + x + ")";
    case UnaryKind::kQuickGelu:
      return x + " / (1.0f + expf(-1.702f * " + x + "))";
    case UnaryKind::kRelu:
      return "(" + x + " < 0.0f ? 0.0f : " + x + ")";
    case UnaryKind::kTanh:
      return "tanhf(" + x + ")";
    case UnaryKind::kSigmoid:
      return "1.0f / (1.0f + expf(-" + x + "))";
    case UnaryKind::kFloor:
      return "floorf(" + x + ")";
    case UnaryKind::kRound:
      return "rintf(" + x + ")";
    case UnaryKind::kExp:
      return "expf(" + x + ")";
    case UnaryKind::kLog:
      return "logf(" + x + ")";
    case UnaryKind::kSqrt:
      return "sqrtf(" + x + ")";
    case UnaryKind::kNeg:
      return "-" + x;
    case UnaryKind::kAbs:
      return "fabsf(" + x + ")";
  }
  throw Error(ErrorCode::kInternal, "cuda: an unknown unary operation");
}

std::string binary_text(BinaryKind kind, const std::string& a, const std::string& b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + " + " + b;
    case BinaryKind::kSub:
      return a + " - " + b;
    case BinaryKind::kMul:
      return a + " * " + b;
    case BinaryKind::kDiv:
      return a + " / " + b;
    case BinaryKind::kMin:
      return "(" + b + " < " + a + " || " + b + " != " + b + " ? " + b + " : " + a + ")";
    case BinaryKind::kMax:
      return "(" + b + " > " + a + " || " + b + " != " + b + " ? " + b + " : " + a + ")";
    case BinaryKind::kPow:
      return "powf(" + a + ", " + b + ")";
  }
  throw Error(ErrorCode::kInternal, "cuda: an unknown binary operation");
}

const char* compare_text(graph::CompareKind kind) {
  switch (kind) {
    case graph::CompareKind::kLess:
      return " < ";
    case graph::CompareKind::kLessEqual:
      return " <= ";
    case graph::CompareKind::kGreater:
      return " > ";
    case graph::CompareKind::kGreaterEqual:
      return " >= ";
    case graph::CompareKind::kEqual:
      return " == ";
  }
  throw Error(ErrorCode::kInternal, "cuda: an unknown comparison");
}

std::string cast_text(DType from, DType to, const std::string& x) {
  const bool floating = is_floating(from);
  switch (to) {
    case DType::kF32:
      return "(float)" + x;
    case DType::kF16:
      return "half_to_float(float_to_half((float)" + x + "))";
    case DType::kBF16:
      return "brain_to_float(float_to_brain((float)" + x + "))";
    case DType::kU8:
      return floating ? "to_u8(" + x + ")" : "(u8)" + x;
    case DType::kI32:
      return floating ? "to_i32(" + x + ")" : "(int)" + x;
    case DType::kI64:
      return floating ? "to_i64(" + x + ")" : "(i64)" + x;
    case DType::kBool:
      return "(u8)(" + x + " != 0)";
  }
  throw Error(ErrorCode::kInternal, "cuda: an unknown type");
}

/// Writes one value's expression and everything computed inside it as the body of a kernel.
class BodyWriter {
 public:
  explicit BodyWriter(Emitter& e) : e_(e) {}

  PointwiseBody write(Value root, View out, bool root_is_computed) {
    PointwiseBody body{std::move(out), {}, {}, {}};
    body.result = root_is_computed ? compute(root, body) : name_of(root, body);
    return body;
  }

 private:
  std::string name_of(Value v, PointwiseBody& body) {
    const auto known = names_.find(v.id);
    if (known != names_.end()) return known->second;
    std::string name;
    if (const auto scalar = scalar_of(e_.graph(), v)) {
      name = literal(*scalar);
    } else if (e_.role(v) == Role::kInlined) {
      name = compute(v, body);
    } else {
      name = "a" + std::to_string(body.inputs.size());
      body.inputs.push_back(e_.view(v));
    }
    names_[v.id] = name;
    return name;
  }

  std::string compute(Value v, PointwiseBody& body) {
    const Node& node = e_.node(v);
    std::vector<std::string> x;
    for (const Value operand : node.operands) x.push_back(name_of(operand, body));
    std::string name = "v" + std::to_string(v.id);
    body.lines.push_back(std::string("const ") + register_type(node.type.dtype) + " " + name + " = " + text(node, x) +
                         ";");
    return name;
  }

  std::string text(const Node& node, const std::vector<std::string>& x) const {
    switch (node.kind) {
      case OpKind::kUnary:
        return unary_text(std::get<graph::UnaryAttrs>(node.attrs).kind, x[0]);
      case OpKind::kBinary:
        return binary_text(std::get<graph::BinaryAttrs>(node.attrs).kind, x[0], x[1]);
      case OpKind::kClamp: {
        const auto limits = std::get<graph::ClampAttrs>(node.attrs);
        const std::string low = literal(limits.low);
        const std::string high = literal(limits.high);
        return "(" + x[0] + " < " + low + " ? " + low + " : (" + x[0] + " > " + high + " ? " + high + " : " + x[0] +
               "))";
      }
      case OpKind::kCompare:
        return "(u8)(" + x[0] + compare_text(std::get<graph::CompareAttrs>(node.attrs).kind) + x[1] + ")";
      case OpKind::kSelect:
        return "(" + x[0] + " ? " + x[1] + " : " + x[2] + ")";
      case OpKind::kCast:
        return cast_text(e_.graph().type(node.operands[0]).dtype, node.type.dtype, x[0]);
      default:
        throw Error(ErrorCode::kInternal, "cuda: no elementwise operation: " + std::string(to_string(node.kind)));
    }
  }

  Emitter& e_;
  std::map<std::uint32_t, std::string> names_;
};

// A repeated axis has no place of its own in memory.
bool is_repeated(const View& view) {
  for (std::size_t i = 0; i < view.rank(); ++i) {
    if (view.dims[i] > 1 && view.strides[i] == 0) return true;
  }
  return false;
}

// The layout of the first operand that has the result's size, found through what is computed inside.
std::optional<std::vector<std::size_t>> order_of_operands(Emitter& e, Value v, const Dims& dims) {
  for (const Value operand : e.node(v).operands) {
    if (scalar_of(e.graph(), operand)) continue;
    if (e.role(operand) == Role::kInlined) {
      if (auto order = order_of_operands(e, operand, dims)) return order;
    } else if (e.dims(operand) == dims && !is_repeated(e.view(operand))) {
      return axis_order(e.view(operand));
    }
  }
  return std::nullopt;
}

// The layout of a join's largest part.
std::optional<std::vector<std::size_t>> order_of_parts(Emitter& e, Value v) {
  std::optional<std::vector<std::size_t>> best;
  std::int64_t most = 0;
  for (const Value operand : e.node(v).operands) {
    const Dims dims = e.dims(operand);
    std::optional<std::vector<std::size_t>> order;
    if (e.role(operand) == Role::kInlined) {
      order = order_of_operands(e, operand, dims);
    } else if (!is_repeated(e.view(operand))) {
      order = axis_order(e.view(operand));
    }
    const std::int64_t size = std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
    if (!order || size <= most) continue;
    best = std::move(order);
    most = size;
  }
  return best;
}

}  // namespace

void emit_pointwise(Emitter& e, Value v) {
  const Dims dims = e.dims(v);
  const auto order = order_of_operands(e, v, dims);
  const View out = e.result(v, order.value_or(natural_order(dims.size())));
  e.pointwise({BodyWriter(e).write(v, out, true)}, std::string(to_string(e.node(v).kind)));
  e.define(v, out);
}

void emit_concat(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto axis = static_cast<std::size_t>(std::get<graph::ConcatAttrs>(node.attrs).axis);
  const auto begun = e.begun_join(v);
  const View out = begun ? *begun : e.result(v, order_of_parts(e, v).value_or(natural_order(e.dims(v).size())));
  std::vector<PointwiseBody> bodies;
  std::size_t operands = 0;
  std::int64_t at = 0;
  for (const Value operand : node.operands) {
    const std::int64_t size = e.dims(operand)[axis];
    const View part = sliced(out, axis, at, at + size);
    at += size;
    if (e.role(operand) != Role::kInlined && same_elements(e.view(operand), part)) continue;  // made there
    PointwiseBody body = BodyWriter(e).write(operand, part, e.role(operand) == Role::kInlined);
    if (operands + body.inputs.size() + 1 > kMostPointwiseOperands) {
      e.pointwise(bodies, "concat");
      bodies.clear();
      operands = 0;
    }
    operands += body.inputs.size() + 1;
    bodies.push_back(std::move(body));
  }
  if (!bodies.empty()) e.pointwise(bodies, "concat");
  e.define(v, out);
}

void finish_apart(Emitter& e, const FusedOp& op, const View& core) {
  View x = core;
  std::vector<std::string> lines;
  std::vector<View> inputs;
  std::string result = "a0";
  if (op.scale) {
    const View scaled = e.make(core.dims, core.dtype, axis_order(core));
    e.pointwise({{scaled, {core, e.float_vector(*op.scale)}, {}, "a0 * a1"}}, "scale");
    x = scaled;
  }
  x = under_views(e, x, op.views);
  inputs.push_back(x);
  if (op.residual) {
    inputs.push_back(e.view(*op.residual));
    result = "(a0 + a1)";
  }
  if (op.activation) {
    lines.push_back("const float h = " + result + ";");
    result = unary_text(*op.activation, "h");
  }
  if (inputs.size() == 1 && !op.activation && x.dtype == e.storage(op.root)) return e.define(op.root, x);
  const View out = e.result(op.root, axis_order(x));
  e.pointwise({{out, inputs, lines, result}}, "residual and activation");
  e.define(op.root, out);
}

View residual_like(Emitter& e, Value residual, const View& like) {
  const View given = e.view(residual);
  bool same = given.dtype == like.dtype && given.offset % 8 == 0;
  for (std::size_t i = 0; i < like.rank() && same; ++i) same = like.dims[i] == 1 || given.strides[i] == like.strides[i];
  return same ? given : e.copy(given, like.dtype, axis_order(like));
}

View under_views(Emitter& e, View y, const std::vector<Value>& views) {
  for (const Value v : views) {
    const Node& node = e.node(v);
    if (node.kind == OpKind::kTranspose) {
      y = transposed(y, std::get<graph::TransposeAttrs>(node.attrs).order);
    } else if (node.kind == OpKind::kReshape) {
      const auto same = reshaped(y, e.dims(v));
      y = same ? *same : *reshaped(e.copy(y, y.dtype, natural_order(y.rank())), e.dims(v));
    } else if (node.kind == OpKind::kExpand) {
      y = broadcast(y, e.dims(v));
    } else {
      const auto& a = std::get<graph::SliceAttrs>(node.attrs);
      const std::int64_t unit = a.of_batch ? e.batch_size() : 1;
      y = sliced(y, static_cast<std::size_t>(a.axis), a.begin * unit, a.end * unit, a.step);
    }
  }
  return y;
}

}  // namespace comfystream::backend::cuda
