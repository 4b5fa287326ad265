// SPDX-License-Identifier: Apache-2.0
// Products whose weights are narrow enough to stay in shared memory while all rows pass by.
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstdint>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// y [rows, out] = x [rows, in] w [out, in]^T + bias [out] + residual [rows, out], sums in f32, everything stored of
/// `type` (f16 or bf16). bias and residual may be nullptr. Strides, in elements, are multiples of 8; w is dense; all
/// are aligned to 16 bytes. residual may be y.
struct ResidentProductCall {
  const void* x;
  std::int64_t x_stride;
  const void* w;
  const void* bias;
  const void* residual;
  std::int64_t residual_stride;
  void* y;
  std::int64_t y_stride;
  std::int64_t rows, in, out;
  DType type;
};

/// The sizes that launch_resident_product() takes: of SD 1.5's first two levels.
[[nodiscard]] constexpr bool resident_product_takes(std::int64_t in, std::int64_t out) {
  return out > 0 && out <= 20 * 128 && ((in == 320 && out % 160 == 0) || (in == 640 && out % 128 == 0));
}

/// Throws Error when it does not start.
void launch_resident_product(const ResidentProductCall& call, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
