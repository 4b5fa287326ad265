// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/pixel_kernels.hpp"

namespace comfystream::backend::cuda {
namespace {

constexpr unsigned kThreads = 256;

// The roundings are named: no compiler's option changes them.
__global__ void widen(const unsigned char* from, float* to, std::size_t values) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < values) to[i] = __fdiv_rn(static_cast<float>(from[i]), 255.0F);
}

__global__ void narrow(const float* from, unsigned char* to, std::size_t values) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= values) return;
  const float value = from[i];
  // Written so that NaN fails the comparison.
  const float scaled = value > 0.0F ? fminf(__fmul_rn(value, 255.0F), 255.0F) : 0.0F;
  to[i] = static_cast<unsigned char>(__float2int_rz(scaled));
}

}  // namespace

void launch_convert_pixels(const std::byte* from, PixelFormat from_format, std::byte* to, std::size_t values,
                           cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((values + kThreads - 1) / kThreads);
  if (from_format == PixelFormat::kRgb8) {
    widen<<<blocks, kThreads, 0, stream>>>(reinterpret_cast<const unsigned char*>(from), reinterpret_cast<float*>(to),
                                           values);
  } else {
    narrow<<<blocks, kThreads, 0, stream>>>(reinterpret_cast<const float*>(from), reinterpret_cast<unsigned char*>(to),
                                            values);
  }
  check(cudaGetLastError(), "converting pixels");
}

}  // namespace comfystream::backend::cuda
