// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace comfystream::stream {

/// Resident memory of this process, in bytes; 0 where the system does not tell.
struct MemoryUse {
  std::uint64_t peak = 0;       ///< the most that was ever resident: anonymous, mapped and shared together
  std::uint64_t anonymous = 0;  ///< now: heap, stacks
  std::uint64_t mapped = 0;     ///< now: pages of files (weights, libraries)
  std::uint64_t shared = 0;     ///< now: shared memory
};

/// From /proc/self/status.
[[nodiscard]] MemoryUse read_memory_use();
/// From the text of such a file (proc(5): VmHWM, RssAnon, RssFile, RssShmem).
[[nodiscard]] MemoryUse parse_memory_use(std::string_view status);

}  // namespace comfystream::stream
