// SPDX-License-Identifier: Apache-2.0
// Shared by our kernels.
#pragma once

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/kernels.hpp"

#include <type_traits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace comfystream::backend::cuda {

inline unsigned blocks_for(std::int64_t count, int threads) {
  return static_cast<unsigned>((count + threads - 1) / threads);
}

/// Starts a kernel that begins with await_kernels_in_front(): where the step in front is a kernel too, its blocks are
/// made ready while that one ends (programmatic dependent launch). check_launch() tells whether it started.
template <typename... Parameters>
void launch_kernel(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared, cudaStream_t stream,
                   std::type_identity_t<Parameters>... arguments) {
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  static_cast<void>(cudaLaunchKernelEx(&config, kernel, arguments...));
}

/// The first statement of every kernel of a step: nothing is read or written before the kernels in front have ended,
/// and kernels further in front have ended because those began so too. Then the next kernel's blocks may get ready.
__device__ inline void await_kernels_in_front() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

inline void check_launch(const char* kernel) { check(cudaGetLastError(), std::string("starting ") + kernel); }

/// Between single precision and what kernels store (float, __half, __nv_bfloat16), rounded to nearest even.
template <typename T>
__device__ inline float to_float(T value) {
  return static_cast<float>(value);
}
template <typename T>
__device__ inline T from_float(float value) {
  return static_cast<T>(value);
}

/// Two of them at once, as 32 bits, the first one lowest.
template <typename T>
__device__ inline float2 to_floats(unsigned packed) {
  if constexpr (std::is_same_v<T, __half>) {
    return __half22float2(*reinterpret_cast<const __half2*>(&packed));
  } else {
    return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(&packed));
  }
}

/// An element of a tensor whose floating type is known at run time only.
__device__ inline float load(const void* data, DType dtype, long long at) {
  if (dtype == DType::kF16) return to_float(static_cast<const __half*>(data)[at]);
  if (dtype == DType::kBF16) return to_float(static_cast<const __nv_bfloat16*>(data)[at]);
  return static_cast<const float*>(data)[at];
}
__device__ inline void store(void* data, DType dtype, long long at, float value) {
  if (dtype == DType::kF16) {
    static_cast<__half*>(data)[at] = from_float<__half>(value);
  } else if (dtype == DType::kBF16) {
    static_cast<__nv_bfloat16*>(data)[at] = from_float<__nv_bfloat16>(value);
  } else {
    static_cast<float*>(data)[at] = value;
  }
}

__device__ inline float silu(float x) { return __fdividef(x, 1.0F + __expf(-x)); }

/// The sum over a block of at most 1024 threads, known to all of them. `shared` holds 33 floats.
__device__ inline float block_sum(float value, float* shared) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xFFFFFFFFU, value, step);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) {
    float sum = threadIdx.x < (blockDim.x + 31) / 32 ? shared[threadIdx.x] : 0.0F;
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xFFFFFFFFU, sum, step);
    if (threadIdx.x == 0) shared[32] = sum;
  }
  __syncthreads();
  return shared[32];
}

}  // namespace comfystream::backend::cuda
