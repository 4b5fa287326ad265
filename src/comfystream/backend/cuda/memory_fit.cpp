// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/memory_fit.hpp"

#include <algorithm>
#include <string>

namespace comfystream::backend::cuda {
namespace {

std::string mib(std::int64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

std::string frames(std::int64_t count) { return std::to_string(count) + (count == 1 ? " frame" : " frames"); }

}  // namespace

std::int64_t largest_that_fits(const MemoryShortage& s) {
  const std::int64_t now = s.fixed + s.per_frame * s.max_batch;
  const std::int64_t each = (s.free + s.slots * now) / (s.slots + 1);
  const std::int64_t batch = (each - s.fixed) / std::max<std::int64_t>(s.per_frame, 1);
  return std::clamp<std::int64_t>(batch, 0, s.max_batch - 1);
}

Error out_of_memory(const MemoryShortage& s) {
  const std::string message = "CUDA is out of memory: batches of " + frames(s.max_batch) + " take " +
                              mib(s.fixed + s.per_frame * s.max_batch) + " for each one in flight, " +
                              std::to_string(s.slots) + " of which there are, beside " + mib(s.weights) +
                              " of weights; " + mib(s.free) + " of " + mib(s.total) + " are free";
  const std::int64_t fits = largest_that_fits(s);
  const std::string batch = std::to_string(fits);
  const std::string hint = fits > 0 ? "batches of " + frames(fits) + " fit: --batch-size " + batch + " (or auto)"
                                    : "not even single frames fit: close what else uses the card";
  return {ErrorCode::kOutOfMemory, message, hint};
}

}  // namespace comfystream::backend::cuda
