// SPDX-License-Identifier: Apache-2.0
// Products by matrices.
#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/error.hpp"

#include <numeric>

namespace comfystream::backend::cuda {
namespace {

using graph::Node;
using graph::Value;

View weight_matrix(Emitter& e, const std::vector<Tensor>& parts, const Tensor& scale) {
  std::int64_t out = 0;
  for (const auto& part : parts) out += part.shape()[0];
  return e.weight(parts, {e.precision(), {out, parts[0].shape()[1]}, {}, {}}, scale);
}

// A matrix that mostly picks elements, such as an interpolation: its exact sums stay exact.
bool emit_sparse(Emitter& e, const FusedOp& op) {
  const Node& node = e.node(op.core);
  const auto constant = constant_of(e.graph(), node.operands[1]);
  if (!constant || e.storage(op.core) != DType::kF32) return false;
  const auto sparse = sparse_of(*constant);
  if (!sparse || sparse->taps * 8 > constant->shape()[1]) return false;
  const View x = e.view(node.operands[0]);
  const Dims dims = e.dims(op.core);
  const std::int64_t count = std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
  if (x.rank() > 5 || count >= std::int64_t{1} << 31U) return false;
  const View index = e.weight({sparse->index}, {DType::kI32, {sparse->index.elements()}, {}, {}});
  const View weight = e.vector({sparse->weight}, DType::kF32);
  std::optional<View> bias;
  if (node.operands.size() > 2) bias = e.float_vector(node.operands[2]);
  // Neighbours in x are neighbours in y: both are read and written in wide pieces.
  const View y = e.make(dims, DType::kF32, axis_order(x));
  // The last of five dimensions is the one that changes.
  const auto aligned_right = [](const View& view) {
    View full = view;
    while (full.rank() < 5) {
      full.dims.insert(full.dims.begin(), 1);
      full.strides.insert(full.strides.begin(), 0);
    }
    return strided(full);
  };
  std::vector<View> reads{x, index, weight};
  if (bias) reads.push_back(*bias);
  e.add_step("sparse product", reads, {y},
             [x, y, index, weight, bias, taps = sparse->taps, sx = aligned_right(x), sy = aligned_right(y)](
                 Libraries&, const Launch& launch) {
               launch_sparse_product(located(sx, x, launch), launch.pointer<int>(index), launch.pointer<float>(weight),
                                     bias ? launch.pointer<float>(*bias) : nullptr, taps, located(sy, y, launch),
                                     launch.stream);
             });
  finish_apart(e, op, y);
  return true;
}

View emit_plain(Emitter& e, const View& x, const View& w, const std::optional<View>& bias, const Dims& dims,
                DType dtype, const std::string& what) {
  View y = e.make_row_major(dims, dtype);
  // x [a, b, m, k]: dimensions beyond two in front are merged by a copy.
  const auto four = [](const View& view) {
    View full = view;
    while (full.rank() < 4) {
      full.dims.insert(full.dims.begin(), 1);
      full.strides.insert(full.strides.begin(), 0);
    }
    return full;
  };
  const View xs = four(x);
  const View ws = broadcast(four(w), {xs.dims[0], xs.dims[1], four(w).dims[2], four(w).dims[3]});
  const View ys = four(y);
  std::vector<View> reads{x, w};
  if (bias) reads.push_back(*bias);
  e.add_step(what, reads, {y}, [xs, ws, ys, bias](Libraries&, const Launch& launch) {
    launch_plain_product(located(strided(xs), xs, launch), located(strided(ws), ws, launch),
                         bias ? launch.pointer<float>(*bias) : nullptr, located(strided(ys), ys, launch),
                         launch.stream);
  });
  return y;
}

void emit_linear_plainly(Emitter& e, const FusedOp& op) {
  const Node& node = e.node(op.core);
  const View w = e.view(node.operands[1]);
  std::optional<View> bias;
  if (node.operands.size() > 2) bias = e.float_vector(node.operands[2]);
  View x = e.view(node.operands[0]);
  const Dims dims = e.dims(op.core);
  View flat = x.rank() > 4 ? *reshaped(e.rows(x, x.dtype), {x.elements() / x.dims.back(), x.dims.back()}) : x;
  const auto as_floats = [&](const View& view) {
    return is_floating(view.dtype) ? view : e.copy(view, DType::kF32, axis_order(view));
  };
  flat = as_floats(flat);
  Dims flat_dims = flat.dims;
  flat_dims.back() = dims.back();
  const View y = emit_plain(e, flat, as_floats(w), bias, flat_dims, DType::kF32, "linear, plain");
  finish_apart(e, op, *reshaped(y, dims));
}

// The product's rows in a join that reads nothing but their map: nullopt where changes of shape do not lead there.
std::optional<View> rows_in_join(Emitter& e, const FusedOp& op) {
  const auto part = e.part_of_join(op.root);
  const Dims dims = e.dims(op.core);
  if (!part || dims.back() != part->dims[1]) return std::nullopt;
  View rows{part->buffer, part->dtype, dims, row_major(dims), part->offset};
  for (std::size_t i = 0; i + 1 < dims.size(); ++i) rows.strides[i] = rows.strides[i] / dims.back() * part->strides[3];
  View seen = rows;
  for (const Value v : op.views) {
    if (e.node(v).kind == graph::OpKind::kTranspose) {
      seen = transposed(seen, std::get<graph::TransposeAttrs>(e.node(v).attrs).order);
      continue;
    }
    const auto same = e.node(v).kind == graph::OpKind::kReshape ? reshaped(seen, e.dims(v)) : std::nullopt;
    if (!same) return std::nullopt;
    seen = *same;
  }
  return same_elements(seen, *part) ? std::optional(rows) : std::nullopt;
}

}  // namespace

void emit_linear(Emitter& e, const FusedOp& op) {
  const Node& node = e.node(op.core);
  if (emit_sparse(e, op)) return;
  const auto weight = constant_of(e.graph(), node.operands[1]);
  const bool has_bias = node.operands.size() > 2;
  const std::optional<Tensor> bias = has_bias ? constant_of(e.graph(), node.operands[2]) : std::nullopt;
  const bool fits = weight && (!has_bias || bias) && weight->shape()[0] % 8 == 0 && weight->shape()[1] % 8 == 0;
  if (!fits) return emit_linear_plainly(e, op);

  const Tensor scale = op.scale ? constant_of(e.graph(), *op.scale)->reshaped({weight->shape()[0]}) : Tensor{};
  GemmCall call;
  call.y_type = e.storage(op.root);
  call.x = e.rows(e.view(node.operands[0]), e.precision());
  call.weight = weight_matrix(e, {*weight}, scale);
  if (bias) call.bias = e.vector({*bias}, call.y_type, scale);
  call.activation = op.activation;
  const Dims dims = e.dims(op.core);
  if (op.residual) {
    // Where y's rows will be, before there is a y: the residual must have them there as well.
    View placeholder{-1, call.y_type, dims, row_major(dims), 0};
    const View shaped = under_views(e, placeholder, op.views);
    View residual = residual_like(e, *op.residual, shaped);
    residual.dims = {residual.elements() / dims.back(), dims.back()};
    residual.strides = {dims.back(), 1};
    call.residual = residual;
  }
  if (const auto rows = rows_in_join(e, op)) {
    const auto matrix = as_matrix(*rows);
    call.y = View{rows->buffer, rows->dtype, {matrix->rows, matrix->columns}, {matrix->row_stride, 1}, rows->offset};
  }
  const View y = *reshaped(emit_gemm(e, call, "linear"), dims);
  e.define(op.root, under_views(e, y, op.views));
}

void emit_joined_linear(Emitter& e, const std::vector<Value>& members) {
  const Node& first = e.node(members[0]);
  std::vector<Tensor> weights;
  std::vector<Tensor> biases;
  for (const Value member : members) {
    weights.push_back(*constant_of(e.graph(), e.node(member).operands[1]));
    if (first.operands.size() > 2) biases.push_back(*constant_of(e.graph(), e.node(member).operands[2]));
  }
  GemmCall call;
  call.y_type = e.precision();
  call.x = e.rows(e.view(first.operands[0]), e.precision());
  call.weight = weight_matrix(e, weights, {});
  if (!biases.empty()) call.bias = e.vector(biases, e.precision());
  Dims dims = e.dims(members[0]);
  dims.back() = call.weight.dims[0];
  const View y = *reshaped(emit_gemm(e, call, "joined linear"), dims);
  std::int64_t at = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::int64_t width = weights[i].shape()[0];
    e.define(members[i], sliced(y, dims.size() - 1, at, at + width));
    at += width;
  }
}

void emit_matmul(Emitter& e, Value v) {
  const Node& node = e.node(v);
  View a = e.view(node.operands[0]);
  View b = e.view(node.operands[1]);
  const Dims dims = e.dims(v);
  if (dims.size() > 4)
    throw Error(ErrorCode::kUnsupported, "cuda: a product of more than 4 dimensions, in " + node.scope);
  if (!std::get<graph::MatmulAttrs>(node.attrs).transpose_b) {
    std::swap(b.dims[b.rank() - 1], b.dims[b.rank() - 2]);
    std::swap(b.strides[b.rank() - 1], b.strides[b.rank() - 2]);
  }
  const auto in_front = [&](const View& view) {
    Dims wanted(dims.begin(), dims.end() - 2);
    wanted.push_back(view.dims[view.rank() - 2]);
    wanted.push_back(view.dims[view.rank() - 1]);
    return broadcast(view, wanted);
  };
  const View y = emit_plain(e, in_front(a), in_front(b), {}, dims, e.storage(v), "matmul, plain");
  e.define(v, y);
}

}  // namespace comfystream::backend::cuda
