// SPDX-License-Identifier: Apache-2.0
// Convolutions and attention by cuDNN's graph API. (The frontend's headers are slow to compile: only this component's
// source includes them.)
#pragma once

#include "comfystream/backend/cuda/device_use.hpp"
#include "comfystream/backend/cuda/plan_store.hpp"
#include "comfystream/backend/cuda/tuning_cache.hpp"
#include "comfystream/backend/cuda/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

enum class ConvActivation : std::uint8_t { kNone, kRelu, kSilu };

/// y = activation(conv(x, w) + residual + bias). x, residual and y are [N, C, H, W] with the strides given, w dense
/// [K, R, S, C]; x, w, bias and residual in `type` (f16 or bf16), y in `y_type` (the same, or f32), sums in f32.
struct ConvProblem {
  Dims x, x_strides;
  Dims y, y_strides;
  Dims residual_strides;  ///< empty: none
  std::int64_t r = 1, s = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  bool bias = false;
  ConvActivation activation = ConvActivation::kNone;
  DType type = DType::kF16;
  DType y_type = DType::kF16;

  [[nodiscard]] std::string key() const;
};
struct ConvPointers {
  const void* x;
  const void* w;
  const void* bias;
  const void* residual;
  void* y;
  void* workspace;
};

/// softmax(scale q k^T) v over [B, heads, tokens, size] with the strides given, all in `type` (f16 or
/// bf16).
struct AttentionProblem {
  DType type = DType::kF16;
  Dims q, q_strides, k, k_strides, v, v_strides, y_strides;
  float scale = 1.0F;
  bool causal = false;

  [[nodiscard]] std::string key() const;
};
struct AttentionPointers {
  const void* q;
  const void* k;
  const void* v;
  void* y;
  void* workspace;
};

/// Prepared problems may be run from one thread at a time; prepare() is safe from several at once.
class CudnnLibrary {
 public:
  CudnnLibrary(TuningCache& cache, PlanStore& plans, DeviceUse& use, bool tune);
  ~CudnnLibrary();
  CudnnLibrary(const CudnnLibrary&) = delete;
  CudnnLibrary& operator=(const CudnnLibrary&) = delete;

  /// Builds the fastest plan (the cache's, else by measuring candidates; without tuning the library's first). Bytes of
  /// workspace, or -1 where cuDNN has no plan.
  std::int64_t prepare(const ConvProblem& problem);
  std::int64_t prepare(const AttentionProblem& problem);
  /// Microseconds that the plan chosen for a problem took when it was measured, in this run or an earlier one; nothing
  /// where it never was, negative where cuDNN has no plan.
  [[nodiscard]] std::optional<float> measured(const std::string& key) const;
  void run(const ConvProblem& problem, const ConvPointers& pointers, cudaStream_t stream);
  void run(const AttentionProblem& problem, const AttentionPointers& pointers, cudaStream_t stream);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace comfystream::backend::cuda
