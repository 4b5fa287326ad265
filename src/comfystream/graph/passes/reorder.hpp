// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

namespace comfystream::graph {

/// Moves work to where there are fewer elements:
/// - a 1x1 convolution that follows an enlargement goes before it (each result of a resize is a weighted mean, which a
///   sum over channels and a bias commute with);
/// - a slice of a layer norm's rows is taken before the norm.
/// Results are the same up to rounding, the slice's bit for bit. What only the moved operation read is left out; inputs
/// and parameters are kept.
[[nodiscard]] Graph reorder(const Graph& graph);

}  // namespace comfystream::graph
