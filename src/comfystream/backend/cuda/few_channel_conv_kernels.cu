// SPDX-License-Identifier: Apache-2.0
// A block goes down a column of tiles, and lays the pixels that a tile of results needs into shared memory while it
// computes the one before. Each warp keeps the weights of sixteen outputs in registers and multiplies sixteen pixels at
// a time.
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/few_channel_conv.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kVector = 8;  // elements of 16 bits in 16 bytes
constexpr int kGroup = 16;  // outputs of a warp
constexpr int kWide = 32;   // columns of a tile
constexpr int kStrip = 16;  // pixels of one multiplication

struct Conv {
  const void* x;
  long long strides[3];
  const void* weight;
  const void* bias;
  void* y;
  FewChannelActivation activation;
  int height, width, outputs, out_height, out_width;
  int groups;  // of a block: 1, 2 or 4, side by side
  int shares;  // blocks for one tile
  int tiles;   // of a block, one below the other
};

template <int C, int Step>
struct Tile {
  static constexpr int kHigh = Step == 1 ? 8 : 4;
  static constexpr int kInHigh = (kHigh - 1) * Step + 3;
  static constexpr int kInWide = (kWide - 1) * Step + 3;
  // Eight pixels that follow each other begin in different banks.
  static constexpr int kPitch = C == kVector ? C : C + kVector;
  static constexpr int kElements = kInHigh * kInWide * kPitch;
  static constexpr int kSteps = (9 * C + 15) / 16;
};

__device__ inline unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

__device__ inline void load_tile_rows(unsigned address, unsigned* a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(address));
}

template <typename T>
__device__ inline void multiply(float* sums, const unsigned* a, const unsigned* b) {
  if constexpr (std::is_same_v<T, __half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
        "%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, "
        "%2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

// Pixels outside the picture are zeros.
template <typename T, int C, int Step>
__device__ void fetch(const Conv& conv, const T* x, T* tile, int y0, int x0) {
  using Size = Tile<C, Step>;
  constexpr int kParts = C / kVector;
  for (int i = static_cast<int>(threadIdx.x); i < Size::kInHigh * Size::kInWide * kParts; i += kThreads) {
    const int pixel = i / kParts;
    const int part = i % kParts * kVector;
    const int row = y0 * Step - 1 + pixel / Size::kInWide;
    const int column = x0 * Step - 1 + pixel % Size::kInWide;
    const bool inside = row >= 0 && row < conv.height && column >= 0 && column < conv.width;
    const T* from = inside ? x + row * conv.strides[1] + column * conv.strides[2] + part : x;
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(tile + pixel * Size::kPitch + part)),
        "l"(from), "r"(inside ? 16 : 0));
  }
  asm volatile("cp.async.commit_group;");
}

template <int Left>
__device__ void await_fetches() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
}

// Column n of half j of a group's products is output n / 2 * 4 + 2 j + n % 2: a thread then holds four that follow each
// other.
template <typename T, int C, int Step>
__device__ void load_weights(const Conv& conv, int first, unsigned (&b)[Tile<C, Step>::kSteps][2][2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int n = lane / 4;
#pragma unroll
  for (int s = 0; s < Tile<C, Step>::kSteps; ++s) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int output = first + n / 2 * 4 + 2 * j + n % 2;
      const T* from = static_cast<const T*>(conv.weight) + output * 9 * C + s * 16 + lane % 4 * 2;
      b[s][j][0] = *reinterpret_cast<const unsigned*>(from);
      b[s][j][1] = s * 16 + 8 < 9 * C ? *reinterpret_cast<const unsigned*>(from + 8) : 0U;
    }
  }
}

__device__ inline float activated(float value, FewChannelActivation activation) {
  if (activation == FewChannelActivation::kRelu) return value < 0.0F ? 0.0F : value;
  return activation == FewChannelActivation::kSilu ? silu(value) : value;
}

// From the tile's pixel (0, 0) to what tap t reads.
template <int C, int Step>
__device__ constexpr int tap_offset(int tap) {
  return (tap / 3 * Tile<C, Step>::kInWide + tap % 3) * Tile<C, Step>::kPitch;
}

template <typename T, int C, int Step>
__device__ void multiply_strip(const T* strip, const unsigned (&b)[Tile<C, Step>::kSteps][2][2], float (&sums)[2][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const bool high = lane >= 16;  // of the sixteen that one multiplication sums over, the last eight
  const T* from = strip + lane % 16 * Step * Tile<C, Step>::kPitch;
#pragma unroll
  for (int s = 0; s < Tile<C, Step>::kSteps; ++s) {
    int offset;
    if constexpr (C == kVector) {
      offset = high ? tap_offset<C, Step>(2 * s + 1 < 9 ? 2 * s + 1 : 8) : tap_offset<C, Step>(2 * s);
    } else {
      offset = tap_offset<C, Step>(s * 16 / C) + s * 16 % C + (high ? 8 : 0);
    }
    unsigned a[4];
    load_tile_rows(shared_address(from + offset), a);
    if (s * 16 + 8 >= 9 * C) a[2] = a[3] = 0U;
    multiply<T>(sums[0], a, b[s][0]);
    multiply<T>(sums[1], a, b[s][1]);
  }
}

template <typename T>
__device__ void store_strip(const Conv& conv, T* y, const float (&sums)[2][4], int column) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int at = column + lane / 4 + 8 * half;
    if (at >= conv.out_width) continue;
    uint2 packed;
    auto* values = reinterpret_cast<T*>(&packed);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      values[i] = from_float<T>(activated(sums[i / 2][2 * half + i % 2], conv.activation));
    }
    *reinterpret_cast<uint2*>(y + static_cast<long long>(at) * conv.outputs + lane % 4 * 4) = packed;
  }
}

template <typename T, int C, int Step>
__device__ void compute(const Conv& conv, const T* tile, const unsigned (&b)[Tile<C, Step>::kSteps][2][2],
                        const float* bias, T* y, int y0, int x0) {
  using Size = Tile<C, Step>;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  constexpr int kAcross = kWide / kStrip;
  for (int i = warp / conv.groups; i < Size::kHigh * kAcross; i += kWarps / conv.groups) {
    const int row = i / kAcross;
    const int column = i % kAcross * kStrip;
    if (y0 + row >= conv.out_height || x0 + column >= conv.out_width) continue;
    float sums[2][4] = {{bias[0], bias[1], bias[0], bias[1]}, {bias[2], bias[3], bias[2], bias[3]}};
    multiply_strip<T, C, Step>(tile + (row * Step * Size::kInWide + column * Step) * Size::kPitch, b, sums);
    store_strip(conv, y + static_cast<long long>(y0 + row) * conv.out_width * conv.outputs, sums, x0 + column);
  }
}

template <typename T, int C, int Step>
__global__ void __launch_bounds__(kThreads, C == 32 ? 2 : 3) few_channels(const __grid_constant__ Conv conv) {
  using Size = Tile<C, Step>;
  extern __shared__ __align__(16) unsigned char shared[];
  T* const tiles = reinterpret_cast<T*>(shared);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int frame = static_cast<int>(blockIdx.z) / conv.shares;
  const int share = static_cast<int>(blockIdx.z) % conv.shares;
  const int first = (share * conv.groups + warp % conv.groups) * kGroup;
  const int x0 = static_cast<int>(blockIdx.x) * kWide;
  const int y0 = static_cast<int>(blockIdx.y) * conv.tiles * Size::kHigh;
  const int count = min(conv.tiles, (conv.out_height - y0 + Size::kHigh - 1) / Size::kHigh);
  unsigned b[Size::kSteps][2][2];
  load_weights<T, C, Step>(conv, first, b);
  float bias[4] = {};
  if (conv.bias != nullptr) {
    const T* from = static_cast<const T*>(conv.bias) + first + threadIdx.x % 4 * 4;
    for (int i = 0; i < 4; ++i) bias[i] = to_float(from[i]);
  }
  await_kernels_in_front();
  const T* x = static_cast<const T*>(conv.x) + frame * conv.strides[0];
  T* y =
      static_cast<T*>(conv.y) + static_cast<long long>(frame) * conv.out_height * conv.out_width * conv.outputs + first;
  fetch<T, C, Step>(conv, x, tiles, y0, x0);
  for (int i = 0; i < count; ++i) {
    if (i + 1 < count) {
      fetch<T, C, Step>(conv, x, tiles + (i + 1) % 2 * Size::kElements, y0 + (i + 1) * Size::kHigh, x0);
      await_fetches<1>();
    } else {
      await_fetches<0>();
    }
    __syncthreads();
    compute<T, C, Step>(conv, tiles + i % 2 * Size::kElements, b, bias, y, y0 + i * Size::kHigh, x0);
    __syncthreads();
  }
}

// Enough blocks for every multiprocessor to have several, and each with enough tiles to be worth its weights.
constexpr std::int64_t kBlocks = 1024;

template <typename T, int C, int Step>
void launch(const FewChannelConvCall& call, Conv conv, cudaStream_t stream) {
  using Size = Tile<C, Step>;
  constexpr int kShared = 2 * Size::kElements * static_cast<int>(sizeof(T));
  const std::int64_t high = (call.out_height + Size::kHigh - 1) / Size::kHigh;
  const std::int64_t others = (call.out_width + kWide - 1) / kWide * call.batch * conv.shares;
  conv.tiles = static_cast<int>(std::clamp<std::int64_t>(high * others / kBlocks, 1, high));
  const dim3 grid(blocks_for(call.out_width, kWide), blocks_for(high, conv.tiles),
                  static_cast<unsigned>(call.batch * conv.shares));
  auto* const kernel = few_channels<T, C, Step>;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared), "taking shared memory");
  launch_kernel(kernel, grid, kThreads, kShared, stream, conv);
}

template <typename T>
void launch_typed(const FewChannelConvCall& call, const Conv& conv, cudaStream_t stream) {
  if (call.step == 1) {
    if (call.channels == 8) return launch<T, 8, 1>(call, conv, stream);
    if (call.channels == 16) return launch<T, 16, 1>(call, conv, stream);
    return launch<T, 32, 1>(call, conv, stream);
  }
  if (call.channels == 8) return launch<T, 8, 2>(call, conv, stream);
  if (call.channels == 16) return launch<T, 16, 2>(call, conv, stream);
  launch<T, 32, 2>(call, conv, stream);
}

}  // namespace

bool has_few_channel_conv(std::int64_t channels, std::int64_t outputs, std::int64_t step) {
  return (channels == 8 || channels == 16 || channels == 32) && outputs % kGroup == 0 && (step == 1 || step == 2);
}

void launch_few_channel_conv(const FewChannelConvCall& call, cudaStream_t stream) {
  Conv conv{call.x,         {call.strides[0], call.strides[1], call.strides[2]}, call.weight, call.bias, call.y,
            call.activation};
  conv.height = static_cast<int>(call.height);
  conv.width = static_cast<int>(call.width);
  conv.outputs = static_cast<int>(call.outputs);
  conv.out_height = static_cast<int>(call.out_height);
  conv.out_width = static_cast<int>(call.out_width);
  const int groups = conv.outputs / kGroup;
  conv.groups = groups % 4 == 0 ? 4 : (groups % 2 == 0 ? 2 : 1);
  conv.shares = groups / conv.groups;
  if (call.type == DType::kBF16) {
    launch_typed<__nv_bfloat16>(call, conv, stream);
  } else {
    launch_typed<__half>(call, conv, stream);
  }
  check_launch("a convolution of few channels");
}

}  // namespace comfystream::backend::cuda
