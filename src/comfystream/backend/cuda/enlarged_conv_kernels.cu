// SPDX-License-Identifier: Apache-2.0
// Where pixels are repeated to two by two, a kernel of 3x3 meets only 2x2 different ones: four kernels of 2x2, one for
// each quarter of the result's pixels. A block goes down a strip of 64 columns of the small map with these in shared
// memory. Two warpgroups take turns, one for the result's even columns and one for the odd. Of every small row i, sums
// of the result's rows 2i - 1 and 2i become complete, and those of 2i + 1 and 2i + 2 begin, in two sets of registers
// that change roles with every row.
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/enlarged_conv.hpp"
#include "comfystream/backend/cuda/hopper.cuh"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/tensor_map.hpp"
#include "comfystream/backend/cuda/wgmma.cuh"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

constexpr int kGroups = 2;  // warpgroups that multiply, by the parity of columns
constexpr int kThreads = 128 * (kGroups + 1);
constexpr int kSmall = 64;  // columns of the small map
constexpr int kPixelBytes = 128;
constexpr int kRowBytes = (kSmall + 2) * kPixelBytes;
constexpr int kStages = 4;
constexpr int kStageBytes = (kRowBytes + 1023) / 1024 * 1024;
constexpr int kKernelBytes = 64 * kPixelBytes;  // 64 outputs of one quarter, one element of its kernel
constexpr int kSetBytes = 2 * kKernelBytes;     // of the odd rows, then of the even rows below
constexpr int kColumnBytes = 2 * kSetBytes;     // what completes, then what begins
constexpr int kGroupBytes = 2 * kColumnBytes;   // the kernel's two columns
constexpr int kWeightBytes = kGroups * kGroupBytes;
constexpr int kWarpBytes = 16 * kPixelBytes;  // where a warp lays out 16 pixels to be stored
constexpr int kSharedBytes = 1024 + kWeightBytes + kStages * kStageBytes + 4 * kGroups * kWarpBytes;
constexpr int kFirstTurn = 1;  // of the block's barriers: a warpgroup's turn to multiply

struct Strip {
  const void* bias;
  void* y;
  int height, width, rows;  // of the small map; rows of a block
};

struct Barriers {
  hopper::Barrier full[kStages], empty[kStages], weights;
};

__device__ void fetch_weights(const CUtensorMap& weights, unsigned char* shared, hopper::Barrier& barrier) {
  hopper::arrive_expecting(barrier, kWeightBytes);
  for (int dx = 0; dx < 2; ++dx) {
    for (int column = 0; column < 2; ++column) {
      for (int begins = 0; begins < 2; ++begins) {
        for (int even = 0; even < 2; ++even) {
          const int quarter = (1 - even) * 2 + dx;
          const int element = (1 - begins) * 2 + column;  // the kernel's lower row completes
          hopper::load_box(weights,
                           shared + dx * kGroupBytes + column * kColumnBytes + begins * kSetBytes + even * kKernelBytes,
                           barrier, 0, element, 64 * quarter, 0);
        }
      }
    }
  }
}

__device__ void fetch(const CUtensorMap& x, const CUtensorMap& weights, unsigned char* shared, Barriers& barriers,
                      int row, int steps) {
  fetch_weights(weights, shared, barriers.weights);
  await_kernels_in_front();
  for (int i = 0; i < steps; ++i) {
    const int stage = i % kStages;
    hopper::wait(barriers.empty[stage], static_cast<std::uint32_t>(i / kStages + 1) & 1U);
    hopper::arrive_expecting(barriers.full[stage], kRowBytes);
    hopper::load_box(x, shared + kWeightBytes + stage * kStageBytes, barriers.full[stage], 0,
                     static_cast<int>(blockIdx.x) * kSmall - 1, row + i, static_cast<int>(blockIdx.z));
  }
}

template <typename T>
__device__ unsigned to_pair(float a, float b) {
  unsigned packed;
  reinterpret_cast<T*>(&packed)[0] = from_float<T>(a);
  reinterpret_cast<T*>(&packed)[1] = from_float<T>(b);
  return packed;
}

// A warp's 16 pixels of a row, every second of the result's.
template <typename T>
struct Writer {
  unsigned char* turned;  // the warp's own, pieces of a pixel swizzled
  T* y;                   // of this lane in row 0: pixel lane / 8, channels from lane % 8 * 8
  long long row;          // elements
  int pixels;             // small ones inside the map, from this lane's on
  float bias[16];

  // `sums` to row `o`.
  __device__ void write(const float* sums, int o) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const auto piece = [&](int pixel, int n) { return turned + pixel * kPixelBytes + ((n ^ (pixel & 7)) << 4); };
#pragma unroll
    for (int h = 0; h < 2; ++h) {
#pragma unroll
      for (int n = 0; n < 8; ++n) {
        *reinterpret_cast<unsigned*>(piece(lane / 4 + 8 * h, n) + lane % 4 * 4) =
            to_pair<T>(sums[4 * n + 2 * h] + bias[2 * n], sums[4 * n + 2 * h + 1] + bias[2 * n + 1]);
      }
    }
    __syncwarp();
#pragma unroll
    for (int q = 0; q < 4; ++q) {
      const uint4 packed = *reinterpret_cast<const uint4*>(piece(lane / 8 + 4 * q, lane % 8));
      if (4 * q < pixels) *reinterpret_cast<uint4*>(y + o * row + q * 512) = packed;
    }
    __syncwarp();
  }
};

template <typename T>
__device__ Writer<T> make_writer(const Strip& strip, unsigned char* turned) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int pixel = static_cast<int>(blockIdx.x) * kSmall + warp % 4 * 16 + lane / 8;
  Writer<T> writer{};
  writer.turned = turned + warp * kWarpBytes;
  writer.row = 128LL * strip.width;
  writer.y = static_cast<T*>(strip.y) + static_cast<long long>(blockIdx.z) * 2 * strip.height * writer.row +
             128LL * pixel + warp / 4 * 64 + lane % 8 * 8;
  writer.pixels = strip.width - pixel;
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    if (strip.bias != nullptr)
      writer.bias[i] = to_float(static_cast<const T*>(strip.bias)[i / 2 * 8 + lane % 4 * 2 + i % 2]);
  }
  return writer;
}

template <typename T>
__device__ void start_products(float (&sums)[64], std::uint32_t pixels, std::uint32_t weights, bool begins) {
#pragma unroll
  for (int column = 0; column < 2; ++column) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      hopper::Wgmma<128>::multiply<T, false>(
          sums, hopper::tile_descriptor(pixels + column * kPixelBytes + k * 32, 16, 1024),
          hopper::tile_descriptor(weights + column * kColumnBytes + (begins ? kSetBytes : 0) + k * 32, 16, 1024),
          begins && column + k == 0 ? 0 : 1);
    }
  }
}

template <typename T>
__device__ void go_down(const Strip& strip, unsigned char* shared, Barriers& barriers, int begin, int steps) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int group = static_cast<int>(threadIdx.x) / 128;
  const Writer<T> writer = make_writer<T>(strip, shared + kWeightBytes + kStages * kStageBytes);
  const std::uint32_t weights = hopper::shared_address(shared) + group * kGroupBytes;
  const std::uint32_t rows = hopper::shared_address(shared) + kWeightBytes + group * kPixelBytes;
  float first[64] = {};
  float second[64] = {};
  hopper::wait(barriers.weights, 0);
  if (group == 1) hopper::named_arrive(kFirstTurn, 128 * kGroups);
  int stage = 0;
  std::uint32_t parity = 0;
  const auto step = [&](float(&complete)[64], float(&begun)[64], int i) {
    hopper::wait(barriers.full[stage], parity);
    hopper::named_sync(kFirstTurn + group, 128 * kGroups);
    hopper::pin(complete);
    hopper::pin(begun);
    hopper::wgmma_fence();
    start_products<T>(complete, rows + stage * kStageBytes, weights, false);
    start_products<T>(begun, rows + stage * kStageBytes, weights, true);
    hopper::wgmma_commit();
    if (group == 0 || i + 1 < steps) hopper::named_arrive(kFirstTurn + 1 - group, 128 * kGroups);
    hopper::wgmma_wait<0>();
    hopper::pin(complete);
    hopper::pin(begun);
    if (lane == 0) hopper::arrive(barriers.empty[stage]);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    if (stage == 0) parity ^= 1U;
    // Small row begin - 1 + i; the block's own rows of the result are 2 begin to 2 (begin + steps - 2) - 1.
    const int row = 2 * (begin - 1 + i);
    if (i >= 2) writer.write(complete, row - 1);
    if (i >= 1 && i + 1 < steps) writer.write(complete + 32, row);
  };
#pragma unroll 1
  for (int i = 0; i < steps; i += 2) {
    step(first, second, i);
    if (i + 1 < steps) step(second, first, i + 1);
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 1)
    enlarged_conv(const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap weights,
                  const __grid_constant__ Strip strip) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ unsigned char raw[];
  __shared__ Barriers barriers;
  unsigned char* shared = raw + (1024 - hopper::shared_address(raw) % 1024) % 1024;
  const int begin = static_cast<int>(blockIdx.y) * strip.rows;
  const int steps = min(strip.rows, strip.height - begin) + 2;
  if (threadIdx.x == 0) {
    for (int i = 0; i < kStages; ++i) {
      hopper::make_barrier(barriers.full[i], 1);
      hopper::make_barrier(barriers.empty[i], 4 * kGroups);
    }
    hopper::make_barrier(barriers.weights, 1);
    hopper::publish_barriers();
  }
  __syncthreads();
  if (threadIdx.x / 128 == kGroups) {
    hopper::give_registers<24>();
    if (threadIdx.x == kGroups * 128) fetch(x, weights, shared, barriers, begin - 1, steps);
  } else {
    hopper::take_registers<240>();
    await_kernels_in_front();
    go_down<T>(strip, shared, barriers, begin, steps);
  }
#endif
}

template <typename T>
void start(const EnlargedConvCall& call, cudaStream_t stream) {
  check(cudaFuncSetAttribute(enlarged_conv<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes),
        "preparing a convolution");
  const std::int64_t across = (call.width + kSmall - 1) / kSmall * call.batch;
  const std::int64_t down = std::clamp<std::int64_t>(count_multiprocessors() / across, 1, call.height);
  const std::int64_t rows = (call.height + down - 1) / down;
  const CUtensorMap x = make_tensor_map({call.x,
                                         call.type,
                                         {64, call.width, call.height, call.batch},
                                         {call.strides[2], call.strides[1], call.strides[0]},
                                         {64, kSmall + 2, 1, 1}});
  const CUtensorMap weights =
      make_tensor_map({call.weight, call.type, {64, 4, 256, 1}, {64, 4 * 64, 4 * 64 * 256}, {64, 1, 64, 1}});
  const Strip strip{call.bias, call.y, static_cast<int>(call.height), static_cast<int>(call.width),
                    static_cast<int>(rows)};
  const dim3 grid(blocks_for(call.width, kSmall), blocks_for(call.height, static_cast<int>(rows)),
                  static_cast<unsigned>(call.batch));
  launch_kernel(enlarged_conv<T>, grid, kThreads, kSharedBytes, stream, x, weights, strip);
}

}  // namespace

void launch_enlarged_conv(const EnlargedConvCall& call, cudaStream_t stream) {
  if (call.type == DType::kBF16) {
    start<__nv_bfloat16>(call, stream);
  } else {
    start<__half>(call, stream);
  }
  check_launch("a convolution of an enlarged map");
}

}  // namespace comfystream::backend::cuda
