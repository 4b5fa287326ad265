// SPDX-License-Identifier: Apache-2.0
// What is said when the device's memory does not hold the batches asked for. Needs no device.
#pragma once

#include "comfystream/error.hpp"

#include <cstdint>

namespace comfystream::backend::cuda {

/// Bytes on the device when a slot could not be made.
struct MemoryShortage {
  std::int64_t max_batch = 1;
  std::int64_t fixed = 0;      ///< of a slot, whatever its batch
  std::int64_t per_frame = 0;  ///< of a slot, for each frame of its largest batch
  std::int64_t slots = 0;      ///< that are made already
  std::int64_t weights = 0;
  std::int64_t free = 0;
  std::int64_t total = 0;
};

/// The largest batch, below max_batch, at which one slot more than there are now fits; 0 where not even single frames
/// do. All slots would be of that size.
[[nodiscard]] std::int64_t largest_that_fits(const MemoryShortage& shortage);

/// Error(kOutOfMemory) with the figures and what to do.
[[nodiscard]] Error out_of_memory(const MemoryShortage& shortage);

}  // namespace comfystream::backend::cuda
