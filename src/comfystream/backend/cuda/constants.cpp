// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/constants.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {

using graph::OpKind;

std::optional<Tensor> constant_of(const graph::Graph& graph, graph::Value value) {
  const graph::Node& node = graph.node(value);
  if (node.kind == OpKind::kConstant) return std::get<graph::ConstantAttrs>(node.attrs).value;
  const bool floats = is_floating(node.type.dtype);
  if (node.kind == OpKind::kCast && floats && is_floating(graph.type(node.operands[0]).dtype)) {
    // A cast to less than the constant's precision is a computation; to f32 it is a way to say "stored as".
    if (node.type.dtype == DType::kF32) return constant_of(graph, node.operands[0]);
  }
  if (node.kind == OpKind::kReshape && !node.type.shape.symbolic()) {
    auto inner = constant_of(graph, node.operands[0]);
    if (inner) return inner->reshaped(node.type.shape.at(1));
  }
  return std::nullopt;
}

std::optional<float> scalar_of(const graph::Graph& graph, graph::Value value) {
  const auto& type = graph.type(value);
  if (type.dtype != DType::kF32 || type.shape.symbolic() || type.shape.elements().count != 1) return std::nullopt;
  const auto constant = constant_of(graph, value);
  if (!constant) return std::nullopt;
  return constant->to_f32().values<float>()[0];
}

std::optional<SparseMatrix> sparse_of(const Tensor& matrix, std::int64_t most) {
  const std::int64_t out = matrix.shape()[0];
  const std::int64_t in = matrix.shape()[1];
  const Tensor floats = matrix.to_f32();
  const auto values = floats.values<float>();
  std::int64_t taps = 1;
  for (std::int64_t o = 0; o < out; ++o) {
    const auto row = values.subspan(static_cast<std::size_t>(o * in), static_cast<std::size_t>(in));
    taps = std::max(taps, static_cast<std::int64_t>(std::ranges::count_if(row, [](float w) { return w != 0.0F; })));
    if (taps > most) return std::nullopt;
  }
  SparseMatrix sparse{taps, Tensor(DType::kI32, {out, taps}), Tensor(DType::kF32, {out, taps})};
  const auto index = sparse.index.mutable_values<std::int32_t>();
  const auto weight = sparse.weight.mutable_values<float>();
  for (std::int64_t o = 0; o < out; ++o) {
    auto at = static_cast<std::size_t>(o * taps);
    for (std::int64_t i = 0; i < in; ++i) {
      const float value = values[static_cast<std::size_t>(o * in + i)];
      if (value == 0.0F) continue;
      index[at] = static_cast<std::int32_t>(i);
      weight[at++] = value;
    }
  }
  return sparse;
}

}  // namespace comfystream::backend::cuda
