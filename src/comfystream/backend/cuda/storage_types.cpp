// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/storage_types.hpp"

#include "comfystream/backend/cuda/constants.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

using graph::Node;
using graph::OpKind;
using graph::UnaryKind;

bool makes_whole_numbers(const Node& node) {
  if (node.kind == OpKind::kCompare) return true;
  if (node.kind != OpKind::kUnary) return false;
  const auto kind = std::get<graph::UnaryAttrs>(node.attrs).kind;
  return kind == UnaryKind::kFloor || kind == UnaryKind::kRound;
}

// Values computed from whole numbers: their arithmetic is exact in f32 and was traced to be.
std::vector<bool> find_exact(const graph::Graph& graph) {
  std::vector<bool> exact(graph.nodes().size(), false);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Node& node = graph.nodes()[i];
    const bool of_exact = std::ranges::any_of(node.operands, [&](auto v) { return exact[v.id]; });
    if (is_pointwise(node.kind) || is_view(node.kind) || node.kind == OpKind::kConcat || node.kind == OpKind::kPad) {
      exact[i] = of_exact || makes_whole_numbers(node);
    } else if (node.kind == OpKind::kLinear && of_exact) {
      const auto weight = constant_of(graph, node.operands[1]);
      exact[i] = weight && sparse_of(*weight).has_value();
    }
  }
  return exact;
}

bool may_be_narrow(const Node& node) {
  if (node.type.dtype != DType::kF32) return false;
  switch (node.kind) {
    case OpKind::kInput:
    case OpKind::kParameter:
    case OpKind::kConstant:
    case OpKind::kReduce:
    case OpKind::kCompare:
      return false;
    default:
      return true;
  }
}

}  // namespace

bool is_network_op(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kConv2d:
    case OpKind::kConvTranspose2d:
    case OpKind::kLinear:
    case OpKind::kMatmul:
    case OpKind::kAttention:
    case OpKind::kGroupNorm:
    case OpKind::kLayerNorm:
      return true;
    default:
      return false;
  }
}

bool is_pointwise(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kUnary:
    case OpKind::kBinary:
    case OpKind::kClamp:
    case OpKind::kCompare:
    case OpKind::kSelect:
    case OpKind::kCast:
      return true;
    default:
      return false;
  }
}

bool is_view(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kSlice:
    case OpKind::kReshape:
    case OpKind::kTranspose:
    case OpKind::kExpand:
      return true;
    default:
      return false;
  }
}

std::vector<DType> assign_storage(const graph::Graph& graph, DType precision) {
  const auto& nodes = graph.nodes();
  const std::vector<bool> exact = find_exact(graph);
  std::vector<bool> narrow(nodes.size());
  std::vector<bool> read(nodes.size(), false);
  for (std::size_t i = 0; i < nodes.size(); ++i) narrow[i] = may_be_narrow(nodes[i]) && !exact[i];
  for (const auto& output : graph.outputs()) narrow[output.value.id] = false;
  for (std::size_t i = nodes.size(); i-- > 0;) {
    narrow[i] = narrow[i] && read[i];
    const bool takes_narrow = is_network_op(nodes[i].kind) || narrow[i];
    for (const auto operand : nodes[i].operands) {
      read[operand.id] = true;
      if (!takes_narrow) narrow[operand.id] = false;
    }
  }
  std::vector<DType> storage(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) storage[i] = narrow[i] ? precision : nodes[i].type.dtype;
  return storage;
}

}  // namespace comfystream::backend::cuda
