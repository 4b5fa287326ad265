// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/check.hpp"

#include "comfystream/error.hpp"

#include <string>

namespace comfystream::backend::cuda {
namespace {

std::string memory_figures() {
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return {};
  return ", " + std::to_string(free >> 20U) + " of " + std::to_string(total >> 20U) + " MiB free";
}

// After these nothing that a process asks of the card works.
bool loses_device(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
      return true;
    default:
      return false;
  }
}

}  // namespace

void check(cudaError_t status, std::string_view what) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // an error that does not stick must not be reported again by the next call
  if (status == cudaErrorMemoryAllocation) {
    throw Error(ErrorCode::kOutOfMemory, "CUDA is out of memory: " + std::string(what) + memory_figures(),
                "use a smaller --batch-size, or close what else uses the card");
  }
  throw Error(ErrorCode::kBackend, std::string(what) + ": " + cudaGetErrorString(status),
              loses_device(status) ? "the card is lost to this program: start it anew" : "");
}

void check(cublasStatus_t status, std::string_view what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(ErrorCode::kBackend, std::string(what) + ": " + cublasLtGetStatusString(status));
}

}  // namespace comfystream::backend::cuda
