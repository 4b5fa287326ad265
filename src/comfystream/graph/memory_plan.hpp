// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstdint>
#include <vector>

namespace comfystream::graph {

/// Where every intermediate result lives in one arena, for one batch size.
struct MemoryPlan {
  static constexpr std::int64_t kNotInArena = -1;
  std::vector<std::int64_t> offsets;  ///< by node id; kNotInArena for sources and for outputs
  std::int64_t arena_bytes = 0;
};

/// Places results by liveness, largest first into the lowest gap that is free over their whole life; offsets are
/// multiples of `alignment`. No two results that live at the same time overlap.
[[nodiscard]] MemoryPlan plan_memory(const Graph& graph, std::int64_t batch_size, std::int64_t alignment = 256);

}  // namespace comfystream::graph
