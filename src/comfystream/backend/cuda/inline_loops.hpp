// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

namespace comfystream::backend::cuda {

/// The graph with every loop written out, iteration after iteration: a captured graph of kernels has no loops, and its
/// length costs nothing at run time. Inputs, parameters and outputs keep their order.
[[nodiscard]] graph::Graph inline_loops(const graph::Graph& graph);

}  // namespace comfystream::backend::cuda
