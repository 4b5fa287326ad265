// SPDX-License-Identifier: Apache-2.0
// Everything steps need beside memory: library handles, compiled kernels, chosen algorithms, weights. One of each for
// an executable; shared by its batch sizes and slots.
#pragma once

#include "comfystream/backend/cuda/cudnn_graphs.hpp"
#include "comfystream/backend/cuda/gemm.hpp"
#include "comfystream/backend/cuda/jit.hpp"
#include "comfystream/backend/cuda/tuning_cache.hpp"
#include "comfystream/backend/cuda/weights.hpp"

namespace comfystream::backend::cuda {

struct Libraries {
  explicit Libraries(const std::filesystem::path& cache_folder, bool tune);

  TuningCache cache;
  Jit jit;
  GemmLibrary gemm;
  CudnnLibrary cudnn;
  WeightStore weights;
};

}  // namespace comfystream::backend::cuda
