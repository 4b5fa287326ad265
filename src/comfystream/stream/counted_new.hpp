// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace comfystream::stream {

/// Calls of operator new, by any thread, since the program started. Linking this file into a test replaces the
/// global operators.
[[nodiscard]] std::uint64_t allocations_so_far() noexcept;

}  // namespace comfystream::stream
