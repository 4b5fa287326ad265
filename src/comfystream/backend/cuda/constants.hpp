// SPDX-License-Identifier: Apache-2.0
// What an operand of a graph is made of when it is a constant.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <optional>

namespace comfystream::backend::cuda {

/// The tensor behind a constant, looking through casts between floating types and reshapes; under the shape of `value`.
[[nodiscard]] std::optional<Tensor> constant_of(const graph::Graph& graph, graph::Value value);
/// Its single element, as a float.
[[nodiscard]] std::optional<float> scalar_of(const graph::Graph& graph, graph::Value value);

/// A matrix [out, in] with few elements that are not zero, row by row: column `index[o * taps + k]` counts `weight`.
/// Rows with fewer are filled up with weights of 0.
struct SparseMatrix {
  std::int64_t taps = 0;
  Tensor index;   ///< i32 [out, taps]
  Tensor weight;  ///< f32 [out, taps]
};
/// nullopt if a row has more than `most` elements that are not zero.
[[nodiscard]] std::optional<SparseMatrix> sparse_of(const Tensor& matrix, std::int64_t most = 4);

}  // namespace comfystream::backend::cuda
