// SPDX-License-Identifier: Apache-2.0
// Few channels laid side by side and filled up with zeros, eight at a time.
#include "comfystream/backend/cuda/device_code.cuh"

namespace comfystream::backend::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVector = 8;  // elements of 16 bits in 16 bytes

template <typename T>
__global__ void __launch_bounds__(kThreads)
    fill_channels(const __grid_constant__ Strided x, const __grid_constant__ Strided y, unsigned count) {
  await_kernels_in_front();
  unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const auto packs = static_cast<unsigned>(y.dims[1] / kVector);
  const unsigned c = i % packs * kVector;
  i /= packs;
  const auto width = static_cast<unsigned>(y.dims[3]);
  const unsigned w = i % width;
  i /= width;
  const auto height = static_cast<unsigned>(y.dims[2]);
  const unsigned h = i % height;
  const unsigned n = i / height;
  const long long from = n * x.strides[0] + h * x.strides[2] + w * x.strides[3];
  uint4 pack{};
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    const unsigned channel = c + static_cast<unsigned>(v);
    if (channel >= x.dims[1]) break;
    reinterpret_cast<T*>(&pack)[v] = from_float<T>(load(x.data, x.dtype, from + channel * x.strides[1]));
  }
  auto* to = static_cast<T*>(y.data) + n * y.strides[0] + h * y.strides[2] + w * y.strides[3] + c;
  *reinterpret_cast<uint4*>(to) = pack;
}

}  // namespace

void launch_fill_channels(const Strided& x, const Strided& y, cudaStream_t stream) {
  const std::int64_t count = y.dims[0] * y.dims[1] / kVector * y.dims[2] * y.dims[3];
  const unsigned grid = blocks_for(count, kThreads);
  if (y.dtype == DType::kBF16) {
    launch_kernel(fill_channels<__nv_bfloat16>, grid, kThreads, 0, stream, x, y, static_cast<unsigned>(count));
  } else {
    launch_kernel(fill_channels<__half>, grid, kThreads, 0, stream, x, y, static_cast<unsigned>(count));
  }
  check_launch("fill_channels");
}

}  // namespace comfystream::backend::cuda
