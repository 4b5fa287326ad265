// SPDX-License-Identifier: Apache-2.0
// A product with a gate (GEGLU: Shazeer 2020, "GLU variants improve transformer") in one kernel.
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstdint>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// y [rows, out] = h[:, :out] * gelu(h[:, out:]) with h = x [rows, in] w [2 out, in]^T + bias [2 out] in f32;
/// everything stored is of `type` (f16 or bf16). Rows of x are x_stride elements apart (a multiple of 8), the others
/// are dense; all are aligned to 16 bytes. gelu is the exact one, its erf off by less than 1.5e-7.
struct GatedProductCall {
  const void* x;
  std::int64_t x_stride;
  const void* w;
  const void* bias;
  void* y;
  std::int64_t rows, in, out;
  DType type;
};

/// The sizes that launch_gated_product() takes. 320 is the width of SD 1.5's first level, where the weights of 128
/// columns and their gates stay in a multiprocessor's shared memory while all rows pass by.
[[nodiscard]] constexpr bool gated_product_takes(std::int64_t in, std::int64_t out) {
  return in == 320 && out > 0 && out % 128 == 0 && out <= 64 * 128;
}

/// Throws Error when it does not start.
void launch_gated_product(const GatedProductCall& call, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
