// SPDX-License-Identifier: Apache-2.0
// Which steps run side by side, what waits for what, and where results live meanwhile.
#pragma once

#include "comfystream/backend/cuda/program.hpp"

#include <vector>

namespace comfystream::backend::cuda {

/// Steps stay in the program's order; each runs on one of several lanes (streams), one after the other there, and waits
/// for steps on other lanes where it needs their results.
struct Schedule {
  struct Place {
    std::size_t lane = 0;
    std::vector<std::size_t> waits_for;  ///< steps on other lanes, at most one a lane
  };
  std::vector<Place> places;  ///< by step
  std::size_t lanes = 1;
};

/// Lane 0 has the longest chain of steps that need each other, by estimated times; what is left of the program has its
/// longest chains on the other lanes, as long as they are worth it. Steps outside them run where what they need was
/// made last. One lane makes the program's own order.
[[nodiscard]] Schedule make_schedule(const Program& program, std::size_t lanes);

/// Byte offsets of the buffers of home `home`, by buffer index; -1 for the others. Two buffers share memory only if
/// everything that touches one is over, by order of its lane or by waiting, before the other is first written. Buffers
/// in `kept` share with none: they outlive the program.
struct ArenaPlan {
  std::vector<std::int64_t> offsets;
  std::int64_t bytes = 0;
};
[[nodiscard]] ArenaPlan plan_arena(const Program& program, const Schedule& schedule, Home home,
                                   const std::vector<bool>& kept = {});

}  // namespace comfystream::backend::cuda
