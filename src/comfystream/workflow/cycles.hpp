// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace comfystream::workflow {

/// Calls `found` with cycles of a directed graph, given as the targets of each vertex: with one for each edge that
/// leads back, so with none only where there are none. A cycle begins with the vertex that it leads back to. Memory is
/// linear in the size of the graph.
void find_cycles(const std::vector<std::vector<std::size_t>>& targets,
                 const std::function<void(std::span<const std::size_t> cycle)>& found);

}  // namespace comfystream::workflow
