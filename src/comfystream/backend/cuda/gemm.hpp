// SPDX-License-Identifier: Apache-2.0
// Matrix products by cuBLASLt.
#pragma once

#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/device_use.hpp"
#include "comfystream/backend/cuda/tuning_cache.hpp"
#include "comfystream/tensor/dtype.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include <cublasLt.h>

namespace comfystream::backend::cuda {

enum class GemmActivation : std::uint8_t { kNone, kRelu, kGelu };

/// y [rows, out] = activation(x [rows, in] w [out, in]^T + bias [out] + residual [rows, out]), x and w in `type`
/// (f16 or bf16), sums in f32; y, bias and residual in `y_type`: the same, or f32. Rows are *_stride elements apart; w
/// is dense.
struct GemmProblem {
  std::int64_t rows = 0, out = 0, in = 0;
  std::int64_t x_stride = 0, y_stride = 0, residual_stride = 0;
  bool bias = false;
  bool residual = false;
  GemmActivation activation = GemmActivation::kNone;
  DType type = DType::kF16;
  DType y_type = DType::kF16;

  [[nodiscard]] std::string key() const;
};

struct GemmPointers {
  const void* x;
  const void* w;
  const void* bias;
  const void* residual;
  void* y;
  void* workspace;  ///< kGemmWorkspace bytes
};
inline constexpr std::int64_t kGemmWorkspace = std::int64_t{32} << 20U;

class GemmLibrary {
 public:
  GemmLibrary(TuningCache& cache, DeviceUse& use, bool tune);
  ~GemmLibrary();
  GemmLibrary(const GemmLibrary&) = delete;
  GemmLibrary& operator=(const GemmLibrary&) = delete;

  /// Chooses the algorithm: the cache's, else the fastest of the library's candidates as measured (or its first). Not
  /// to be called by who has the device alone.
  void prepare(const GemmProblem& problem);
  void run(const GemmProblem& problem, const GemmPointers& pointers, cudaStream_t stream);

 private:
  struct Plan;
  Plan& plan_of(const GemmProblem& problem);
  static void describe(const GemmProblem& problem, Plan& plan);
  void choose(const GemmProblem& problem, Plan& plan);
  void launch(Plan& plan, const cublasLtMatmulAlgo_t& algorithm, const GemmPointers& pointers, cudaStream_t stream);

  TuningCache& cache_;
  DeviceUse& use_;
  bool tune_;
  cublasLtHandle_t handle_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Plan>> plans_;
};

}  // namespace comfystream::backend::cuda
