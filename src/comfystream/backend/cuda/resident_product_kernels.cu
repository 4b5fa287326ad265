// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/resident_product.hpp"
#include "comfystream/backend/cuda/resident_weights.cuh"

namespace comfystream::backend::cuda {
namespace {

using Shape320 = resident::Shape<5, 160, 1, 3, 152>;
using Shape640 = resident::Shape<10, 128, 1, 3, 152>;

// What a thread adds: eight columns of every 32, of two rows.
template <typename S>
struct Residual {
  uint4 pieces[S::kWidth / 32][2];
};

template <typename S, typename T>
__device__ inline Residual<S> load_residual(const T* residual, long long stride, int row, int rows) {
  Residual<S> loaded;
  const int at = static_cast<int>(threadIdx.x) % 4 * 8;
#pragma unroll
  for (int j = 0; j < S::kWidth / 32; ++j) {
#pragma unroll
    for (int below = 0; below < 2; ++below) {
      const int here = row + below * 8;
      loaded.pieces[j][below] = residual != nullptr && here < rows
                                    ? *reinterpret_cast<const uint4*>(residual + here * stride + j * 32 + at)
                                    : uint4{0, 0, 0, 0};
    }
  }
  return loaded;
}

// Eight columns of one row. `sums` are 2 of every 4.
template <typename T>
__device__ inline uint4 finished(const float* sums, const float (&bias)[8], const uint4& residual) {
  const unsigned added[4] = {residual.x, residual.y, residual.z, residual.w};
  unsigned pairs[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 more = to_floats<T>(added[i]);
    pairs[i] = resident::packed<T>(sums[4 * i] + bias[2 * i] + more.x, sums[4 * i + 1] + bias[2 * i + 1] + more.y);
  }
  return make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
}

template <typename S, typename T>
__device__ inline void store_sums(const typename S::Sums& sums, const float* biases, const Residual<S>& residual, T* y,
                                  long long y_stride, int row, int rows) {
  const int quad = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int j = 0; j < S::kWidth / 32; ++j) {
    const int at = j * 32 + quad * 8;
    float bias[8];
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
      *reinterpret_cast<float4*>(bias + i) = *reinterpret_cast<const float4*>(biases + at + i);
    }
#pragma unroll
    for (int below = 0; below < 2; ++below) {
      const int here = row + below * 8;
      if (here >= rows) continue;
      *reinterpret_cast<uint4*>(y + here * y_stride + at) =
          finished<T>(sums[0] + j * 16 + below * 2, bias, residual.pieces[j][below]);
    }
  }
}

template <typename S, typename T>
__global__ void __launch_bounds__(S::kThreads, 1)
    resident_product_kernel(const __grid_constant__ CUtensorMap x, const T* __restrict__ w, const T* bias,
                            const T* residual, long long residual_stride, T* y, long long y_stride, int rows, int out) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ unsigned char raw[];
  resident::Block<S> block(raw);
  const resident::Share share = resident::share_of(rows, out / S::kWidth);
  const int first = share.column * S::kWidth;
  block.make_barriers();
  // Weights are constants: they need not wait for the kernels in front.
  block.fetch_weights(w, [&](int n) { return first + resident::column_of(n); });
  for (int n = static_cast<int>(threadIdx.x); n < S::kBiases; n += S::kThreads) {
    block.shared.bias[n] = bias == nullptr ? 0.0F : to_float(bias[first + n]);
  }
  if (residual != nullptr) residual += first;
  block.template run<T>(
      x, share, [&](int row) { return load_residual<S>(residual, residual_stride, row, rows); },
      [&](const typename S::Sums& sums, int row, const Residual<S>& added) {
        store_sums<S>(sums, block.shared.bias, added, y + first, y_stride, row, rows);
      });
#endif
}

template <typename S, typename T>
void launch(const ResidentProductCall& call, cudaStream_t stream) {
  const auto kernel = resident_product_kernel<S, T>;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(S::kSharedBytes)),
        "preparing a product");
  const unsigned blocks = resident::blocks(call.rows, static_cast<unsigned>(call.out / S::kWidth));
  launch_kernel(kernel, dim3(blocks), S::kThreads, S::kSharedBytes, stream,
                resident::map_rows(call.x, call.type, call.rows, call.in, call.x_stride), static_cast<const T*>(call.w),
                static_cast<const T*>(call.bias), static_cast<const T*>(call.residual), call.residual_stride,
                static_cast<T*>(call.y), call.y_stride, static_cast<int>(call.rows), static_cast<int>(call.out));
}

template <typename T>
void launch_typed(const ResidentProductCall& call, cudaStream_t stream) {
  if (call.in == Shape320::kIn) {
    launch<Shape320, T>(call, stream);
  } else {
    launch<Shape640, T>(call, stream);
  }
}

}  // namespace

void launch_resident_product(const ResidentProductCall& call, cudaStream_t stream) {
  if (call.type == DType::kBF16) {
    launch_typed<__nv_bfloat16>(call, stream);
  } else {
    launch_typed<__half>(call, stream);
  }
  check_launch("a product");
}

}  // namespace comfystream::backend::cuda
