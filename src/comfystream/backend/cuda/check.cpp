// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/check.hpp"

#include "comfystream/error.hpp"

namespace comfystream::backend::cuda {
namespace {

std::string memory_figures() {
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return {};
  return ", " + std::to_string(free >> 20U) + " of " + std::to_string(total >> 20U) + " MiB free";
}

}  // namespace

void check(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // an error that does not stick must not be reported again by the next call
  if (status == cudaErrorMemoryAllocation) {
    throw Error(ErrorCode::kOutOfMemory, "CUDA is out of memory: " + what + memory_figures(),
                "use a smaller --batch-size, or close what else uses the card");
  }
  throw Error(ErrorCode::kBackend, what + ": " + cudaGetErrorString(status));
}

void check(cublasStatus_t status, const std::string& what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(ErrorCode::kBackend, what + ": " + cublasLtGetStatusString(status));
}

}  // namespace comfystream::backend::cuda
