// SPDX-License-Identifier: Apache-2.0
// A block keeps the weights of 128 columns and those of their gates.
#include "comfystream/backend/cuda/gated_product.hpp"
#include "comfystream/backend/cuda/resident_weights.cuh"

namespace comfystream::backend::cuda {
namespace {

constexpr int kColumns = 128;
using GatedShape = resident::Shape<5, kColumns, 2, 2, 240>;

__device__ inline float fast_reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// 0.5 x (1 + erf(x / sqrt 2)), by Abramowitz and Stegun 7.1.26 for 1 - erf(z) with z = |x| / sqrt 2.
__device__ inline float exact_gelu(float x) {
  const float t = fast_reciprocal(fmaf(0.3275911F * 0.70710678118654752F, fabsf(x), 1.0F));
  float p = fmaf(0.5F * 1.061405429F, t, 0.5F * -1.453152027F);
  p = fmaf(p, t, 0.5F * 1.421413741F);
  p = fmaf(p, t, 0.5F * -0.284496736F);
  p = fmaf(p, t, 0.5F * 0.254829592F);
  const float rest = p * t * fast_exp2(x * (x * (-0.5F * 1.4426950408889634F)));
  return fmaxf(x, 0.0F) - fabsf(x * rest);
}

// y begins at the block's first column; bias has the values', then the gates'.
template <typename T>
__device__ inline void store_gated(const GatedShape::Sums& sums, const float* bias, T* y, int row, int rows, int out) {
  const int quad = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int j = 0; j < kColumns / 32; ++j) {
    const int at = j * 32 + quad * 8;
    float value_bias[8];
    float gate_bias[8];
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
      *reinterpret_cast<float4*>(value_bias + i) = *reinterpret_cast<const float4*>(bias + at + i);
      *reinterpret_cast<float4*>(gate_bias + i) = *reinterpret_cast<const float4*>(bias + kColumns + at + i);
    }
#pragma unroll
    for (int below = 0; below < 2; ++below) {
      unsigned pairs[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* value = sums[0] + (j * 4 + i) * 4 + below * 2;
        const float* gate = sums[1] + (j * 4 + i) * 4 + below * 2;
        pairs[i] = resident::packed<T>((value[0] + value_bias[2 * i]) * exact_gelu(gate[0] + gate_bias[2 * i]),
                                       (value[1] + value_bias[2 * i + 1]) * exact_gelu(gate[1] + gate_bias[2 * i + 1]));
      }
      if (row + below * 8 >= rows) continue;
      *reinterpret_cast<uint4*>(y + static_cast<std::int64_t>(row + below * 8) * out + at) =
          make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
  }
}

template <typename T>
__global__ void __launch_bounds__(GatedShape::kThreads, 1)
    gated_product_kernel(const __grid_constant__ CUtensorMap x, const T* __restrict__ w, const T* __restrict__ bias,
                         T* __restrict__ y, int rows, int out) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ unsigned char raw[];
  resident::Block<GatedShape> block(raw);
  const resident::Share share = resident::share_of(rows, out / kColumns);
  const int first = share.column * kColumns;
  block.make_barriers();
  // Weights are constants: they need not wait for the kernels in front.
  const auto row_of = [&](int n, int m) { return (n / kColumns * out) + first + m; };
  block.fetch_weights(w, [&](int n) { return row_of(n, resident::column_of(n % kColumns)); });
  for (int n = static_cast<int>(threadIdx.x); n < GatedShape::kBiases; n += GatedShape::kThreads) {
    block.shared.bias[n] = to_float(bias[row_of(n, n % kColumns)]);
  }
  block.run<T>(
      x, share, [](int) { return 0; },
      [&](const GatedShape::Sums& sums, int row, int) {
        store_gated(sums, block.shared.bias, y + first, row, rows, out);
      });
#endif
}

template <typename T>
void launch(const GatedProductCall& call, cudaStream_t stream) {
  check(cudaFuncSetAttribute(gated_product_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(GatedShape::kSharedBytes)),
        "preparing a gated product");
  const unsigned blocks = resident::blocks(call.rows, static_cast<unsigned>(call.out / kColumns));
  launch_kernel(gated_product_kernel<T>, dim3(blocks), GatedShape::kThreads, GatedShape::kSharedBytes, stream,
                resident::map_rows(call.x, call.type, call.rows, call.in, call.x_stride), static_cast<const T*>(call.w),
                static_cast<const T*>(call.bias), static_cast<T*>(call.y), static_cast<int>(call.rows),
                static_cast<int>(call.out));
}

}  // namespace

void launch_gated_product(const GatedProductCall& call, cudaStream_t stream) {
  if (call.type == DType::kBF16) {
    launch<__nv_bfloat16>(call, stream);
  } else {
    launch<__half>(call, stream);
  }
  check_launch("a gated product");
}

}  // namespace comfystream::backend::cuda
