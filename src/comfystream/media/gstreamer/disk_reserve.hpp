// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace comfystream::media::gstreamer {

/// Makes sure that a file can grow by `bytes`, so that rewriting its index cannot fail half way. False when it cannot
/// (disk full, a limit on file sizes); true also where the file system cannot say.
[[nodiscard]] bool reserve_disk(const std::string& path, std::uint64_t bytes) noexcept;

/// Gives back what was reserved and not used.
void release_disk(const std::string& path) noexcept;

}  // namespace comfystream::media::gstreamer
