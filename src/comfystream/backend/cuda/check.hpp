// SPDX-License-Identifier: Apache-2.0
// Turns the status codes of CUDA's libraries into Error.
#pragma once

#include <string_view>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Error(kOutOfMemory) with the figures when memory ran out, Error(kBackend) otherwise. `what` is what was being done.
/// Nothing is allocated when all is well.
void check(cudaError_t status, std::string_view what);
void check(cublasStatus_t status, std::string_view what);

}  // namespace comfystream::backend::cuda
