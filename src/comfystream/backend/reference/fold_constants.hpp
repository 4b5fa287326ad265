// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

namespace comfystream::backend::reference {

/// The graph with every operation on constants alone (weights cast to f32, mostly) computed and made a constant. Values
/// keep their ids.
[[nodiscard]] graph::Graph fold_constants(const graph::Graph& graph);

}  // namespace comfystream::backend::reference
