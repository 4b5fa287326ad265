// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/hopper_device.hpp"

#include "comfystream/backend/cuda/check.hpp"

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {
namespace {

int attribute(cudaDeviceAttr name) {
  int device = 0;
  int value = 0;
  check(cudaGetDevice(&device), "asking for the device");
  check(cudaDeviceGetAttribute(&value, name, device), "asking for the device");
  return value;
}

}  // namespace

bool runs_hopper_kernels() {
#if defined(COMFYSTREAM_SM90A)
  return attribute(cudaDevAttrComputeCapabilityMajor) == 9 && attribute(cudaDevAttrComputeCapabilityMinor) == 0;
#else
  return false;
#endif
}

int count_multiprocessors() { return attribute(cudaDevAttrMultiProcessorCount); }

}  // namespace comfystream::backend::cuda
