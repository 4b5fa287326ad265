// SPDX-License-Identifier: Apache-2.0
// LayerNorm (Ba et al. 2016), statistics in f32 around the mean.
#include "comfystream/backend/cuda/device_code.cuh"

namespace comfystream::backend::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVector = 8;  // elements of 16 bits in 16 bytes

__device__ long long start_of(const LayerNormCall& call, int row) {
  const int group_rows = static_cast<int>(call.group_rows);
  return row / group_rows * call.group_stride + row % group_rows * call.row_stride;
}

template <typename T, int Packs>
__global__ void __launch_bounds__(128) layer_norm_warp(const __grid_constant__ LayerNormCall call) {
  await_kernels_in_front();
  const int row = static_cast<int>(blockIdx.x * 4 + threadIdx.x / 32);
  if (row >= call.rows) return;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int columns = static_cast<int>(call.columns);
  const auto* x = static_cast<const T*>(call.x) + start_of(call, row);
  uint4 packs[Packs];
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < Packs; ++i) {
    const int at = (i * 32 + lane) * kVector;
    packs[i] = at < columns ? *reinterpret_cast<const uint4*>(x + at) : uint4{};
    const auto* elements = reinterpret_cast<const T*>(&packs[i]);
#pragma unroll
    for (int v = 0; v < kVector; ++v) sum += to_float(elements[v]);
  }
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xFFFFFFFFU, sum, step);
  const float mean = sum / static_cast<float>(columns);
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < Packs; ++i) {
    if ((i * 32 + lane) * kVector >= columns) continue;
    const auto* elements = reinterpret_cast<const T*>(&packs[i]);
#pragma unroll
    for (int v = 0; v < kVector; ++v) {
      const float difference = to_float(elements[v]) - mean;
      squares += difference * difference;
    }
  }
  for (int step = 16; step > 0; step /= 2) squares += __shfl_xor_sync(0xFFFFFFFFU, squares, step);
  const float scale = rsqrtf(squares / static_cast<float>(columns) + call.epsilon);
  auto* y = static_cast<T*>(call.y) + row * call.columns;
#pragma unroll
  for (int i = 0; i < Packs; ++i) {
    const int at = (i * 32 + lane) * kVector;
    if (at >= columns) continue;
    auto* elements = reinterpret_cast<T*>(&packs[i]);
    const auto* weight = reinterpret_cast<const float4*>(call.weight + at);
    const auto* bias = reinterpret_cast<const float4*>(call.bias + at);
    const float4 w[2] = {weight[0], weight[1]};
    const float4 b[2] = {bias[0], bias[1]};
#pragma unroll
    for (int v = 0; v < kVector; ++v) {
      const float normal = (to_float(elements[v]) - mean) * scale;
      elements[v] = from_float<T>(normal * reinterpret_cast<const float*>(w)[v] + reinterpret_cast<const float*>(b)[v]);
    }
    *reinterpret_cast<uint4*>(y + at) = packs[i];
  }
}

__global__ void layer_norm_plain(const __grid_constant__ LayerNormCall call) {
  await_kernels_in_front();
  __shared__ float shared[33];
  const long long row = blockIdx.x;
  const long long start = start_of(call, static_cast<int>(row));
  float sum = 0.0F;
  for (long long i = threadIdx.x; i < call.columns; i += blockDim.x) sum += load(call.x, call.x_type, start + i);
  const float mean = block_sum(sum, shared) / static_cast<float>(call.columns);
  float squares = 0.0F;
  for (long long i = threadIdx.x; i < call.columns; i += blockDim.x) {
    const float difference = load(call.x, call.x_type, start + i) - mean;
    squares += difference * difference;
  }
  const float scale = rsqrtf(block_sum(squares, shared) / static_cast<float>(call.columns) + call.epsilon);
  for (long long i = threadIdx.x; i < call.columns; i += blockDim.x) {
    const float normal = (load(call.x, call.x_type, start + i) - mean) * scale;
    store(call.y, call.y_type, row * call.columns + i, normal * call.weight[i] + call.bias[i]);
  }
}

bool fits_warp(const LayerNormCall& call) {
  const auto aligned = [](const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; };
  return is_narrow(call.x_type) && call.x_type == call.y_type && call.columns % kVector == 0 &&
         call.columns <= 8 * 256 && aligned(call.x) && aligned(call.y) && call.row_stride % kVector == 0 &&
         call.group_stride % kVector == 0;
}

// Rows of 16 bits.
template <typename T>
void launch_warps(const LayerNormCall& call, cudaStream_t stream) {
  const unsigned grid = blocks_for(call.rows, 4);
  const std::int64_t packs = (call.columns + 255) / 256;
  if (packs <= 2) {
    launch_kernel(layer_norm_warp<T, 2>, grid, 128, 0, stream, call);
  } else if (packs <= 4) {
    launch_kernel(layer_norm_warp<T, 4>, grid, 128, 0, stream, call);
  } else {
    launch_kernel(layer_norm_warp<T, 8>, grid, 128, 0, stream, call);
  }
}

}  // namespace

void launch_layer_norm(const LayerNormCall& call, cudaStream_t stream) {
  if (!fits_warp(call)) {
    launch_kernel(layer_norm_plain, static_cast<unsigned>(call.rows), kThreads, 0, stream, call);
  } else if (call.x_type == DType::kBF16) {
    launch_warps<__nv_bfloat16>(call, stream);
  } else {
    launch_warps<__half>(call, stream);
  }
  check_launch("layer_norm");
}

}  // namespace comfystream::backend::cuda
