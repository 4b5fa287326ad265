// SPDX-License-Identifier: Apache-2.0
// Operations that are one kernel of ours: layer norms, resizing, padding, reductions, tables.
#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace comfystream::backend::cuda {
namespace {

using graph::Node;
using graph::Value;

// What a layer norm reads: rows at a constant distance inside groups of them, as a slice of every frame's rows has.
struct NormRows {
  View x;
  std::int64_t row_stride, group_rows, group_stride;
};

NormRows norm_rows(Emitter& e, const View& given) {
  const std::size_t last = given.rank() - 1;
  const Dims outer(given.dims.begin(), given.dims.end() - 1);
  const MergedDims rows = merge_dims(outer, {Dims(given.strides.begin(), given.strides.end() - 1)});
  bool fits = given.strides[last] == 1 && rows.dims.size() == 2 && given.offset % 8 == 0;
  for (const auto stride : rows.strides[0]) fits = fits && stride % 8 == 0 && stride > 0;
  if (fits) return {given, rows.strides[0][1], rows.dims[1], rows.strides[0][0]};
  const View x = e.rows(given, given.dtype);
  const auto matrix = as_matrix(x);
  return {x, matrix->row_stride, matrix->rows, 0};
}

}  // namespace

void emit_layer_norm(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const NormRows rows = norm_rows(e, e.floats(node.operands[0]));
  const View weight = e.float_vector(node.operands[1]);
  const View bias = e.float_vector(node.operands[2]);
  const View y = e.result(v, natural_order(e.dims(v).size()));
  LayerNormCall call{};
  call.x_type = rows.x.dtype;
  call.row_stride = rows.row_stride;
  call.group_rows = rows.group_rows;
  call.group_stride = rows.group_stride;
  call.y_type = y.dtype;
  call.columns = y.dims.back();
  call.rows = y.elements() / call.columns;
  call.epsilon = std::get<graph::LayerNormAttrs>(node.attrs).epsilon;
  e.add_step("layer_norm " + std::to_string(call.rows) + "x" + std::to_string(call.columns), {rows.x, weight, bias},
             {y}, [=, x = rows.x](Libraries&, const Launch& launch) {
               LayerNormCall now = call;
               now.x = launch.pointer(x);
               now.weight = launch.pointer<float>(weight);
               now.bias = launch.pointer<float>(bias);
               now.y = launch.pointer(y);
               launch_layer_norm(now, launch.stream);
             });
  e.define(v, y);
}

namespace {

void emit_resize_add(Emitter& e, const FusedOp& op) {
  const Node& node = e.node(op.core);
  const auto& attrs = std::get<graph::ResizeAttrs>(node.attrs);
  const View x = e.channels_last(e.view(node.operands[0]));
  const View y = e.make(e.dims(op.root), e.precision(), {0, 2, 3, 1});
  const View residual = residual_like(e, *op.residual, y);
  std::vector<View> writes{y};
  if (op.positive) writes.push_back(e.make(y.dims, y.dtype, {0, 2, 3, 1}));
  e.add_step("resize bilinear and sum", {x, residual}, writes, [=](Libraries&, const Launch& launch) {
    launch_resize_add(located(strided(x), x, launch), located(strided(y), y, launch), attrs, launch.pointer(residual),
                      writes.size() > 1 ? launch.pointer(writes[1]) : nullptr, launch.stream);
  });
  e.define(op.root, y);
  if (op.positive) e.define(*op.positive, writes[1]);
}

}  // namespace

void emit_resize(Emitter& e, const FusedOp& op) {
  if (op.residual) return emit_resize_add(e, op);
  const Value v = op.root;
  const Node& node = e.node(v);
  const auto& attrs = std::get<graph::ResizeAttrs>(node.attrs);
  const View x = e.floats(node.operands[0]);
  const View y = e.result(v, axis_order(x));
  const auto inside = [&](const View& view) {
    return view.dtype == e.precision() && view.dims[1] % 8 == 0 && view.strides[1] == 1 && view.offset % 8 == 0 &&
           view.strides[0] % 8 == 0 && view.strides[2] % 8 == 0 && view.strides[3] % 8 == 0;
  };
  const bool fast = inside(x) && inside(y) && attrs.mode != graph::ResizeMode::kBicubic;
  e.add_step("resize " + std::string(to_string(attrs.mode)), {x}, {y}, [=](Libraries&, const Launch& launch) {
    const Strided from = located(strided(x), x, launch);
    const Strided to = located(strided(y), y, launch);
    if (fast) {
      launch_resize_nhwc(from, to, attrs, launch.stream);
    } else {
      launch_resize(from, to, attrs, launch.stream);
    }
  });
  e.define(v, y);
}

void emit_pad(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto& attrs = std::get<graph::PadAttrs>(node.attrs);
  const View given = e.view(node.operands[0]);
  const View x = given.dtype == e.storage(v) ? given : e.copy(given, e.storage(v), axis_order(given));
  const View y = e.result(v, axis_order(x));
  PadCall call{strided(x), strided(y), static_cast<std::int64_t>(size_of(y.dtype)), attrs.mode, {}, 0};
  std::ranges::copy(attrs.before, call.before);
  if (y.dtype == DType::kF32) std::memcpy(&call.fill, &attrs.value, sizeof(float));
  if (y.dtype == DType::kF16) call.fill = float_to_half(attrs.value);
  if (y.dtype == DType::kBF16) call.fill = float_to_bfloat16(attrs.value);
  if (!is_floating(y.dtype)) call.fill = static_cast<std::uint64_t>(static_cast<std::int64_t>(attrs.value));
  e.add_step("pad", {x}, {y}, [=](Libraries&, const Launch& launch) {
    PadCall now = call;
    now.x.data = launch.pointer(x);
    now.y.data = launch.pointer(y);
    launch_pad(now, launch.stream);
  });
  e.define(v, y);
}

namespace {

// x [kept, folded] -> [kept]: one kernel, or two where one block would have too much to fold alone.
View fold(Emitter& e, const View& x, graph::ReduceKind kind) {
  const std::int64_t kept = x.dims[0];
  const std::int64_t folded = x.dims[1];
  View y = e.make_row_major({kept}, is_floating(x.dtype) ? DType::kF32 : x.dtype);
  const auto add = [&](const View& from, const View& to, std::int64_t parts, std::int64_t size, graph::ReduceKind how) {
    Strided in;
    in.dtype = from.dtype;
    in.dims[0] = kept;
    in.dims[1] = parts;
    in.dims[4] = size;
    in.strides[0] = from.strides[0];
    in.strides[1] = size * from.strides[1];
    in.strides[4] = from.strides[1];
    e.add_step("reduce " + std::string(to_string(how)), {from}, {to}, [=](Libraries&, const Launch& launch) {
      launch_reduce(located(in, from, launch), how, launch.pointer(to), launch.stream);
    });
  };
  std::int64_t parts = 1;
  if (folded >= 8192 && kind != graph::ReduceKind::kMean) {
    for (std::int64_t p = 2; p <= 256; ++p) parts = folded % p == 0 ? p : parts;
  }
  if (parts == 1) {
    add(x, y, 1, folded, kind);
    return y;
  }
  const View partial = e.make_row_major({kept, parts}, y.dtype);
  add(x, partial, parts, folded / parts, kind);
  add(partial, y, 1, parts, kind);
  return y;
}

}  // namespace

void emit_reduce(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto& attrs = std::get<graph::ReduceAttrs>(node.attrs);
  View x = e.view(node.operands[0]);
  std::vector<std::size_t> order;
  std::int64_t kept = 1;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (std::ranges::find(attrs.axes, static_cast<std::int64_t>(i)) != attrs.axes.end()) continue;
    order.push_back(i);
    kept *= x.dims[i];
  }
  for (const auto axis : attrs.axes) order.push_back(static_cast<std::size_t>(axis));
  const Dims turned(order.begin(), order.end());
  const Dims matrix{kept, x.elements() / kept};
  auto flat = reshaped(transposed(x, turned), matrix);
  if (!flat) flat = reshaped(transposed(e.copy(x, x.dtype, order), turned), matrix);
  const View y = fold(e, *flat, attrs.kind);
  e.define(v, *reshaped(y, e.dims(v)));
}

void emit_softmax(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto axis = static_cast<std::size_t>(std::get<graph::SoftmaxAttrs>(node.attrs).axis);
  const View x = e.floats(node.operands[0]);
  const View y = e.result(v, axis_order(x));
  if (x.rank() > 5) throw Error(ErrorCode::kUnsupported, "cuda: softmax of more than 5 dimensions, in " + node.scope);
  const auto last = [axis](View view) {
    std::swap(view.dims[axis], view.dims.back());
    std::swap(view.strides[axis], view.strides.back());
    while (view.rank() < 5) {
      view.dims.insert(view.dims.begin(), 1);
      view.strides.insert(view.strides.begin(), 0);
    }
    return strided(view);
  };
  e.add_step("softmax", {x}, {y}, [x, y, from = last(x), to = last(y)](Libraries&, const Launch& launch) {
    launch_softmax(located(from, x, launch), located(to, y, launch), launch.stream);
  });
  e.define(v, y);
}

void emit_embedding(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const View given = e.view(node.operands[0]);
  const View indices = is_row_major(given) ? given : e.copy(given, given.dtype, natural_order(given.rank()));
  View table = e.view(node.operands[1]);
  if (!is_row_major(table)) table = e.copy(table, table.dtype, natural_order(2));
  const View y = e.make_row_major(e.dims(v), table.dtype);
  e.add_step("embedding", {indices, table}, {y}, [=](Libraries&, const Launch& launch) {
    launch_embedding(launch.pointer(indices), indices.dtype == DType::kI64, indices.elements(), launch.pointer(table),
                     table.dims[0], table.dims[1], static_cast<std::int64_t>(size_of(table.dtype)), launch.pointer(y),
                     launch.stream);
  });
  e.define(v, y);
}

void emit_timestep_embedding(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto& attrs = std::get<graph::TimestepEmbeddingAttrs>(node.attrs);
  const std::int64_t half = attrs.dim / 2;
  // max_period^(-i / (half - shift)), rounded at each step as the reference's (and diffusers') single precision is.
  Tensor frequencies(DType::kF32, {std::max<std::int64_t>(half, 1)});
  const auto factor = static_cast<float>(-std::log(static_cast<double>(attrs.max_period)));
  for (std::int64_t i = 0; i < half; ++i) {
    const float exponent = factor * static_cast<float>(i) / (static_cast<float>(half) - attrs.downscale_freq_shift);
    frequencies.mutable_values<float>()[static_cast<std::size_t>(i)] =
        static_cast<float>(std::exp(static_cast<double>(exponent)));
  }
  const View table = e.vector({frequencies}, DType::kF32);
  View t = e.view(node.operands[0]);
  if (t.dtype != DType::kF32) t = e.copy(t, DType::kF32, {0});
  const View y = e.make_row_major(e.dims(v), DType::kF32);
  e.add_step("timestep_embedding", {t, table}, {y}, [=](Libraries&, const Launch& launch) {
    launch_timestep_embedding(launch.pointer<float>(t), t.strides[0], launch.pointer<float>(table), t.dims[0],
                              attrs.dim, attrs.flip_sin_to_cos, launch.pointer<float>(y), launch.stream);
  });
  e.define(v, y);
}

}  // namespace comfystream::backend::cuda
