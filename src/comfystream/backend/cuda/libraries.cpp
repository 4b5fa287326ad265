// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/libraries.hpp"

#include "comfystream/backend/cuda/check.hpp"

#include <cudnn.h>

namespace comfystream::backend::cuda {
namespace {

int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "asking for the device");
  return device;
}

// What a choice of algorithm depends on beside the problem.
std::string cache_key() {
  const int device = current_device();
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device), "asking for the device");
  // The number is that of the rules by which candidates are admitted.
  return std::string(properties.name) + "-3-cudnn" + std::to_string(cudnnGetVersion()) + "-cublaslt" +
         std::to_string(cublasLtGetVersion());
}

}  // namespace

Libraries::Libraries(const std::filesystem::path& cache_folder, bool tune)
    : tunes(tune),
      cache(tune ? cache_folder : std::filesystem::path{}, cache_key()),
      plans(tune ? cache_folder : std::filesystem::path{}, cache_key()),
      jit(plans),
      gemm(cache, use, tune),
      cudnn(cache, plans, use, tune),
      pictures(PicturesOnDevice::create(current_device())) {}

void Libraries::save() {
  cache.save();
  plans.save();
}

}  // namespace comfystream::backend::cuda
