// SPDX-License-Identifier: Apache-2.0
// GroupNorm's ways to run, and what they share. Statistics are in f32 around a pivot.
#pragma once

#include "comfystream/backend/cuda/device_code.cuh"

#include <algorithm>

namespace comfystream::backend::cuda {

/// Values of 16 bits, by clusters of blocks that keep what they normalise in shared memory: for maps up to some
/// megabytes. Whether it fits; if not, nothing was started.
template <typename T>
bool launch_group_norm_cluster(const GroupNormCall& call, cudaStream_t stream);
/// Likewise, but each cluster, of 16 blocks, keeps a whole frame: every access is to adjacent memory.
template <typename T>
bool launch_group_norm_frames(const GroupNormCall& call, cudaStream_t stream);
/// Values of 16 bits, by two kernels over whole rows of channels: for larger maps. Likewise.
template <typename T>
bool launch_group_norm_rows(const GroupNormCall& call, cudaStream_t stream);

namespace group_norm {

inline constexpr int kVector = 8;  // elements of 16 bits in 16 bytes

// Four loads at a time of every `step`-th pixel from `first` to `last`: the compiler, not knowing whether there are so
// many, would wait for each before the next. `use(pixel, packed)` takes them in order.
template <typename T, typename Use>
__device__ void for_pixels(const T* x, long long stride, int first, int last, int step, Use use) {
  constexpr int kAtOnce = 4;
  for (int p = first; p < last; p += kAtOnce * step) {
    uint4 packed[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      const int pixel = p + u * step;
      packed[u] = pixel < last ? *reinterpret_cast<const uint4*>(x + pixel * stride) : uint4{};
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      if (p + u * step < last) use(p + u * step, packed[u]);
    }
  }
}

// The channels of a pixel, `offset` away from where their sums count from.
template <typename T>
__device__ void add_from(const uint4& packed, const float (&offset)[kVector], float (&sum)[kVector],
                         float (&squares)[kVector]) {
  const auto* elements = reinterpret_cast<const T*>(&packed);
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    const float value = to_float(elements[v]) + offset[v];
    sum[v] += value;
    squares[v] += value * value;
  }
}

__device__ inline float shift_of(const GroupNormCall& call, long long n, int channel) {
  return call.shift == nullptr ? 0.0F : load(call.shift, call.shift_type, n * call.shift_stride + channel);
}

// Sums rows of `width` floats into the first, halving their number with all threads at work.
__device__ inline void fold_rows(float* rows, int width, int count) {
  while (count > 1) {
    const int half = (count + 1) / 2;
    for (int i = static_cast<int>(threadIdx.x); i < (count - half) * width; i += static_cast<int>(blockDim.x)) {
      rows[i] += rows[half * width + i];
    }
    __syncthreads();
    count = half;
  }
}

}  // namespace group_norm
}  // namespace comfystream::backend::cuda
