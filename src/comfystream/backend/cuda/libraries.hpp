// SPDX-License-Identifier: Apache-2.0
// What steps need of libraries: handles, compiled kernels, chosen algorithms. One of each for a device, shared by all
// executables, batch sizes and slots.
#pragma once

#include "comfystream/backend/cuda/cudnn_graphs.hpp"
#include "comfystream/backend/cuda/gemm.hpp"
#include "comfystream/backend/cuda/jit.hpp"
#include "comfystream/backend/cuda/pictures_on_device.hpp"
#include "comfystream/backend/cuda/plan_store.hpp"
#include "comfystream/backend/cuda/tuning_cache.hpp"

#include <chrono>

namespace comfystream::backend::cuda {

struct Libraries {
  /// For the current device.
  explicit Libraries(const std::filesystem::path& cache_folder, bool tune);
  /// Keeps on disk what has been learnt.
  void save();

  DeviceUse use;
  bool tunes;                             ///< candidates are measured where the cache does not know
  std::chrono::nanoseconds start_time{};  ///< that making this took, the device's start included
  TuningCache cache;
  PlanStore plans;
  Jit jit;
  GemmLibrary gemm;
  CudnnLibrary cudnn;
  std::shared_ptr<PicturesOnDevice> pictures;  ///< that leave on the device
};

}  // namespace comfystream::backend::cuda
