// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/fuzz/fuzz_target.hpp"

#include <cstdint>
#include <vector>

namespace comfystream::fuzz {

/// Input number `iteration` of the sequence that `seed` starts: one of the seeds with a few bytes flipped, replaced by
/// extreme numbers, inserted, removed, repeated or taken from another seed. The same on every machine, and independent
/// of the other iterations, so that one that fails can be run alone.
[[nodiscard]] Bytes mutate(const std::vector<Bytes>& seeds, std::uint64_t seed, std::uint64_t iteration);

}  // namespace comfystream::fuzz
