// SPDX-License-Identifier: Apache-2.0
// Where a batch's time goes and what the card could do, for benchmarks.
#pragma once

#include "comfystream/backend/backend.hpp"

#include <string>
#include <vector>

namespace comfystream::backend {

namespace cuda {

class CudaExecutable;

/// See Executable::time_steps.
[[nodiscard]] std::vector<StepTime> time_steps(CudaExecutable& executable, std::int64_t batch_size);
/// See Backend::measure_ceilings: matrices of 8192 in `precision`, and a copy of 512 MiB.
[[nodiscard]] DeviceCeilings measure_ceilings(int device, DType precision);

}  // namespace cuda

/// "CUDA 13.0, cuDNN 9.14.0, cuBLASLt 13.1.1".
[[nodiscard]] std::string cuda_library_versions();

/// Device memory in use, by every process.
[[nodiscard]] double device_memory_used_mib();

}  // namespace comfystream::backend
