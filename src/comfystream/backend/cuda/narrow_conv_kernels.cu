// SPDX-License-Identifier: Apache-2.0
// A convolution of 3x3 to three channels. A block multiplies every pixel of a tile and its border by all nine taps'
// kernels, 27 rows together, straight from memory: the tensor cores' fragments are eight adjacent channels of a pixel
// for each thread, in whatever order of channels, if the weights come in the same. Then it sums nine shifted products
// for each pixel.
#include "comfystream/backend/cuda/device_code.cuh"

namespace comfystream::backend::cuda {
namespace {

constexpr int kTileWidth = 32;
constexpr int kTileHeight = 8;
constexpr int kThreads = 128;
constexpr int kOutputs = 3;
constexpr int kRows = 9 * kOutputs;
constexpr int kWide = kTileWidth + 2;
constexpr int kPixels = kWide * (kTileHeight + 2);
constexpr int kGroups = (kPixels + 15) / 16;  // of 16 pixels, that a warp multiplies at once
// A row's products of all pixels, 4 modulo 16 apart: stores of a warp meet all banks.
constexpr int kPlane = (kPixels + 11) / 16 * 16 + 4;
constexpr int kShared = kRows * kPlane * static_cast<int>(sizeof(float));

template <typename T>
__device__ void multiply(float (&sums)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  if constexpr (std::is_same_v<T, __half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
}

// Of each 32 channels, the eight that a lane holds: two products' worth.
template <int kChannels>
using Pieces = uint4[kChannels / 32];

// A frame of x as this lane reads it.
template <typename T>
struct Frame {
  const T* pixels;
  int height, width, row, column;  // distances in elements

  template <int kChannels>
  __device__ void load(int y, int x, Pieces<kChannels>& to) const {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    const T* from = pixels + (y * row + x * column);
#pragma unroll
    for (int q = 0; q < kChannels / 32; ++q) {
      to[q] = inside ? *reinterpret_cast<const uint4*>(from + 32 * q) : make_uint4(0, 0, 0, 0);
    }
  }
};

template <typename T, int kChannels>
__device__ void multiply_tile(const NarrowConvCall& call, int y0, int x0, float* planes) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int row = lane / 4;
  const int column = lane % 4 * 2;
  Pieces<kChannels> weights[4];
#pragma unroll
  for (int n = 0; n < 4; ++n) {
#pragma unroll
    for (int q = 0; q < kChannels / 32; ++q) {
      weights[n][q] = *reinterpret_cast<const uint4*>(static_cast<const T*>(call.weight) + (8 * n + row) * kChannels +
                                                      32 * q + lane % 4 * 8);
    }
  }
  const Frame<T> frame{static_cast<const T*>(call.x) + blockIdx.z * call.strides[0] + lane % 4 * 8,
                       static_cast<int>(call.height), static_cast<int>(call.width), static_cast<int>(call.strides[1]),
                       static_cast<int>(call.strides[2])};
  constexpr int kWarps = kThreads / 32;
#pragma unroll 2
  for (int turn = 0; turn < (kGroups + kWarps - 1) / kWarps; ++turn) {
    const int group = static_cast<int>(threadIdx.x) / 32 + turn * kWarps;
    if (group >= kGroups) break;
    const int pixel = 16 * group + row;
    Pieces<kChannels> upper, lower;
    frame.template load<kChannels>(y0 + pixel / kWide, x0 + pixel % kWide, upper);
    frame.template load<kChannels>(y0 + (pixel + 8) / kWide, x0 + (pixel + 8) % kWide, lower);
    float sums[4][4] = {};
#pragma unroll
    for (int q = 0; q < kChannels / 32; ++q) {
      const unsigned first[4] = {upper[q].x, lower[q].x, upper[q].y, lower[q].y};
      const unsigned second[4] = {upper[q].z, lower[q].z, upper[q].w, lower[q].w};
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        multiply<T>(sums[n], first, weights[n][q].x, weights[n][q].y);
        multiply<T>(sums[n], second, weights[n][q].z, weights[n][q].w);
      }
    }
#pragma unroll
    for (int n = 0; n < 4; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int plane = 8 * n + column + i % 2;
        const int at = pixel + i / 2 * 8;
        if (plane < kRows && at < kPixels) planes[plane * kPlane + at] = sums[n][i];
      }
    }
  }
}

__device__ void write(const NarrowConvCall& call, float (&sums)[kOutputs], long long to) {
#pragma unroll
  for (int k = 0; k < kOutputs; ++k) {
    if (k < call.outputs && call.bias != nullptr) sums[k] += call.bias[k];
  }
  if (call.y_type == DType::kF32 && call.outputs == kOutputs) {
#pragma unroll
    for (int k = 0; k < kOutputs; ++k) static_cast<float*>(call.y)[to + k] = sums[k];
    return;
  }
  for (int k = 0; k < call.outputs; ++k)
    store(call.y, call.y_type, to + k, k == 0 ? sums[0] : (k == 1 ? sums[1] : sums[2]));
}

template <typename T, int kChannels>
__global__ void __launch_bounds__(kThreads, kChannels == 64 ? 4 : 3)
    narrow_conv(const __grid_constant__ NarrowConvCall call) {
  await_kernels_in_front();
  extern __shared__ float planes[];
  const int x0 = static_cast<int>(blockIdx.x) * kTileWidth - 1;
  const int y0 = static_cast<int>(blockIdx.y) * kTileHeight - 1;
  multiply_tile<T, kChannels>(call, y0, x0, planes);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kTileWidth * kTileHeight; i += kThreads) {
    const int px = i % kTileWidth;
    const int py = i / kTileWidth;
    const int x = x0 + 1 + px;
    const int y = y0 + 1 + py;
    if (x >= call.width || y >= call.height) continue;
    float sums[kOutputs] = {};
#pragma unroll
    for (int tap = 0; tap < 9; ++tap) {
#pragma unroll
      for (int k = 0; k < kOutputs; ++k) {
        sums[k] += planes[(tap * kOutputs + k) * kPlane + (py + tap / 3) * kWide + px + tap % 3];
      }
    }
    const long long to = ((static_cast<long long>(blockIdx.z) * call.height + y) * call.width + x) * call.outputs;
    write(call, sums, to);
  }
}

template <typename T, int kChannels>
void start(const NarrowConvCall& call, cudaStream_t stream) {
  check(cudaFuncSetAttribute(narrow_conv<T, kChannels>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared),
        "narrow_conv");
  const dim3 grid(blocks_for(call.width, kTileWidth), blocks_for(call.height, kTileHeight),
                  static_cast<unsigned>(call.batch));
  launch_kernel(narrow_conv<T, kChannels>, grid, kThreads, kShared, stream, call);
}

}  // namespace

bool has_narrow_conv(std::int64_t channels) { return channels == 64 || channels == 128; }

void launch_narrow_conv(const NarrowConvCall& call, cudaStream_t stream) {
  const bool wide = call.channels == 128;
  if (call.type == DType::kBF16) {
    wide ? start<__nv_bfloat16, 128>(call, stream) : start<__nv_bfloat16, 64>(call, stream);
  } else {
    wide ? start<__half, 128>(call, stream) : start<__half, 64>(call, stream);
  }
  check_launch("narrow_conv");
}

}  // namespace comfystream::backend::cuda
