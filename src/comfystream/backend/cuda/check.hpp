// SPDX-License-Identifier: Apache-2.0
// Turns the status codes of CUDA's libraries into Error.
#pragma once

#include <string>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Error(kOutOfMemory) with the figures when memory ran out, Error(kBackend) otherwise. `what` is what was being done.
void check(cudaError_t status, const std::string& what);
void check(cublasStatus_t status, const std::string& what);

}  // namespace comfystream::backend::cuda
