// SPDX-License-Identifier: Apache-2.0
// Which of a graph's f32 values are kept in 16 bits.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <vector>

namespace comfystream::backend::cuda {

/// By node id: how the value is stored. A graph's f32 is stored as `precision` (f16 or bf16) where everything that
/// reads it is the inside of a network: convolutions, products, attention and norms, directly or through elementwise
/// operations and changes of shape that end in nothing else. What the graph gives out, what is cut off to whole
/// numbers, compared, or searched for its extremes, and what is computed from whole numbers stays f32. Sources are
/// stored as they come.
[[nodiscard]] std::vector<DType> assign_storage(const graph::Graph& graph, DType precision);

/// Operations that a network computes on values of 16 bits with single precision sums.
[[nodiscard]] bool is_network_op(graph::OpKind kind) noexcept;
/// Operations on one element of each operand at a time, broadcasting included.
[[nodiscard]] bool is_pointwise(graph::OpKind kind) noexcept;
/// Operations that only say how the same elements are to be read.
[[nodiscard]] bool is_view(graph::OpKind kind) noexcept;

}  // namespace comfystream::backend::cuda
