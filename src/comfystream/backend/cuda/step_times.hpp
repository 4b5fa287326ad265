// SPDX-License-Identifier: Apache-2.0
// Where a batch's time goes, for benchmarks.
#pragma once

#include "comfystream/backend/backend.hpp"

#include <string>
#include <vector>

namespace comfystream::backend {

struct StepTime {
  std::string what;   ///< "conv2d 3x3 320->320 64x64"
  std::string scope;  ///< of the graph
  float microseconds = 0;
};

/// Every step of a batch timed alone, in order, on a slot made for it. Error unless `executable` is the cuda backend's.
[[nodiscard]] std::vector<StepTime> time_steps(Executable& executable, std::int64_t batch_size);

/// "CUDA 13.0, cuDNN 9.14.0, cuBLASLt 13.1.1".
[[nodiscard]] std::string cuda_library_versions();

/// Device memory in use, by every process.
[[nodiscard]] double device_memory_used_mib();

}  // namespace comfystream::backend
