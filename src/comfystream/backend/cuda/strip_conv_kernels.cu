// SPDX-License-Identifier: Apache-2.0
// A block goes down a strip of 128 columns with all weights in shared memory. One warp fetches rows of x and of the
// residual. Of every row that comes, two warpgroups multiply 64 pixels each by the three rows of the kernel at once:
// sums for the rows below, at and above it, in three sets of registers that change roles with every row. They take
// turns: one stores the set that is complete while the other multiplies.
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/hopper.cuh"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/strip_conv.hpp"
#include "comfystream/backend/cuda/tensor_map.hpp"
#include "comfystream/backend/cuda/wgmma.cuh"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

constexpr int kGroups = 2;  // warpgroups that multiply
constexpr int kWide = 64 * kGroups;
constexpr int kThreads = 128 * kGroups + 32;
constexpr int kPixelBytes = 128;
constexpr int kRowBytes = (kWide + 2) * kPixelBytes;
constexpr int kStages = 3;
constexpr int kStageBytes = (kRowBytes + 1023) / 1024 * 1024;
// The kernel's rows for each of its columns, as 2, 1, 0, 2, 1: three that follow each other are those of the three sets
// of sums, whatever their roles.
constexpr int kTapBytes = 64 * kPixelBytes;
constexpr int kColumnBytes = 5 * kTapBytes;
constexpr int kWeightBytes = 3 * kColumnBytes;
// Where the residual comes, is added and what is stored is laid out: 16 pixels for each warp.
constexpr int kResults = 2;
constexpr int kWarpBytes = 16 * kPixelBytes;
constexpr int kResultBytes = kWide * kPixelBytes;
constexpr int kSharedBytes = 1024 + kWeightBytes + kStages * kStageBytes + kResults * kResultBytes;
constexpr int kFirstTurn = 1;  // of the block's barriers: a warpgroup's turn to multiply

struct Strip {
  const void* bias;
  void* y;
  int height, width, rows;
  bool adds, relu;
};

struct Barriers {
  hopper::Barrier full[kStages], empty[kStages], weights;
  hopper::Barrier residual[kResults], stored[kResults];
};

__device__ void fetch(const CUtensorMap& x, const CUtensorMap& weights, const CUtensorMap& residual, bool adds,
                      unsigned char* shared, Barriers& barriers, int row, int steps) {
  const int x0 = static_cast<int>(blockIdx.x) * kWide;
  hopper::arrive_expecting(barriers.weights, kWeightBytes);
  for (int s = 0; s < 3; ++s) {
    for (int i = 0; i < 5; ++i) {
      const int r = (5 - i) % 3;
      hopper::load_box(weights, shared + s * kColumnBytes + i * kTapBytes, barriers.weights, 0, 3 * r + s, 0, 0);
    }
  }
  await_kernels_in_front();
  for (int i = 0; i < steps; ++i) {
    const int stage = i % kStages;
    hopper::wait(barriers.empty[stage], static_cast<std::uint32_t>(i / kStages + 1) & 1U);
    hopper::arrive_expecting(barriers.full[stage], kRowBytes);
    hopper::load_box(x, shared + kWeightBytes + stage * kStageBytes, barriers.full[stage], 0, x0 - 1, row - 1 + i,
                     static_cast<int>(blockIdx.z));
    if (!adds || i < 2) continue;
    const int o = i - 2;
    const int result = o % kResults;
    hopper::wait(barriers.stored[result], static_cast<std::uint32_t>(o / kResults + 1) & 1U);
    hopper::arrive_expecting(barriers.residual[result], kResultBytes);
    hopper::load_box(residual, shared + kWeightBytes + kStages * kStageBytes + result * kResultBytes,
                     barriers.residual[result], 0, x0, row + o, static_cast<int>(blockIdx.z));
  }
}

template <typename T>
__device__ unsigned to_pair(float a, float b) {
  unsigned packed;
  reinterpret_cast<T*>(&packed)[0] = from_float<T>(a);
  reinterpret_cast<T*>(&packed)[1] = from_float<T>(b);
  return packed;
}

// A warp's 16 pixels of a row, whose sums are spread over its lanes: stored in pieces of 16 bytes, eight lanes a pixel.
template <typename T>
struct Writer {
  unsigned char* results;  // the warp's part of the first
  Barriers* barriers;
  T* y;           // of this lane: pixel lane / 8, channels from lane % 8 * 8
  long long row;  // elements
  int pixels;     // inside the picture, from this lane's on
  unsigned bias[8];
  bool adds, relu;

  // Row `o` of the strip, from `sums`.
  __device__ void write(const float* sums, int o) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int result = o % kResults;
    unsigned char* turned = results + result * kResultBytes;
    const auto piece = [&](int pixel, int n) { return turned + pixel * kPixelBytes + ((n ^ (pixel & 7)) << 4); };
    if (adds) hopper::wait(barriers->residual[result], static_cast<std::uint32_t>(o / kResults) & 1U);
#pragma unroll
    for (int h = 0; h < 2; ++h) {
#pragma unroll
      for (int n = 0; n < 8; ++n) {
        auto* at = reinterpret_cast<unsigned*>(piece(lane / 4 + 8 * h, n) + lane % 4 * 4);
        const float2 added = to_floats<T>(bias[n]);
        float2 value{sums[4 * n + 2 * h] + added.x, sums[4 * n + 2 * h + 1] + added.y};
        if (adds) {
          const float2 more = to_floats<T>(*at);
          value = {value.x + more.x, value.y + more.y};
        }
        if (relu) value = {fmaxf(value.x, 0.0F), fmaxf(value.y, 0.0F)};
        *at = to_pair<T>(value.x, value.y);
      }
    }
    __syncwarp();
#pragma unroll
    for (int q = 0; q < 4; ++q) {
      const uint4 packed = *reinterpret_cast<const uint4*>(piece(lane / 8 + 4 * q, lane % 8));
      if (4 * q < pixels) *reinterpret_cast<uint4*>(y + q * 256) = packed;
    }
    if (adds) asm volatile("fence.proxy.async.shared::cta;" ::: "memory");  // the next residual comes here
    __syncwarp();
    if (adds && lane == 0) hopper::arrive(barriers->stored[result]);
    y += row;
  }
};

template <typename T>
__device__ Writer<T> make_writer(const Strip& strip, unsigned char* results, Barriers& barriers, int begin) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int pixel = static_cast<int>(blockIdx.x) * kWide + 16 * warp + lane / 8;
  Writer<T> writer{};
  writer.results = results + warp * kWarpBytes;
  writer.barriers = &barriers;
  writer.row = 64LL * strip.width;
  writer.y = static_cast<T*>(strip.y) + (static_cast<long long>(blockIdx.z) * strip.height + begin) * writer.row +
             64LL * pixel + lane % 8 * 8;
  writer.pixels = strip.width - pixel;
  if (strip.bias != nullptr) {
#pragma unroll
    for (int n = 0; n < 8; ++n) writer.bias[n] = static_cast<const unsigned*>(strip.bias)[4 * n + lane % 4];
  }
  writer.adds = strip.adds;
  writer.relu = strip.relu;
  return writer;
}

// Starts one row of 64 pixels and its neighbours by the kernel's three rows: set p of the sums gets row
// (rotation - p) mod 3.
template <typename T>
__device__ void start_products(float (&sums)[96], std::uint32_t pixels, std::uint32_t weights, int rotation) {
  hopper::pin(sums);
  hopper::wgmma_fence();
#pragma unroll
  for (int s = 0; s < 3; ++s) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      hopper::Wgmma<192>::multiply<T, false>(
          sums, hopper::tile_descriptor(pixels + s * kPixelBytes + k * 32, 16, 1024),
          hopper::tile_descriptor(weights + s * kColumnBytes + (2 - rotation) * kTapBytes + k * 32, 16, 1024), 1);
    }
  }
  hopper::wgmma_commit();
}

template <typename T>
__device__ void go_down(const Strip& strip, unsigned char* shared, Barriers& barriers, int begin, int steps) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int group = static_cast<int>(threadIdx.x) / 128;
  Writer<T> writer = make_writer<T>(strip, shared + kWeightBytes + kStages * kStageBytes, barriers, begin);
  const std::uint32_t weights = hopper::shared_address(shared);
  const std::uint32_t rows = weights + kWeightBytes + group * 64 * kPixelBytes;
  float sums[96] = {};
  hopper::wait(barriers.weights, 0);
  if (group == 1) hopper::named_arrive(kFirstTurn, 128 * kGroups);
  int stage = 0;
  std::uint32_t parity = 0;
#pragma unroll 1
  for (int step = 0; step < steps; step += 3) {
#pragma unroll
    for (int rotation = 0; rotation < 3; ++rotation) {
      if (step + rotation >= steps) break;
      hopper::wait(barriers.full[stage], parity);
      hopper::named_sync(kFirstTurn + group, 128 * kGroups);
      start_products<T>(sums, rows + stage * kStageBytes, weights, rotation);
      const bool last = step + rotation + 1 == steps;
      if (group == 0 || !last) hopper::named_arrive(kFirstTurn + 1 - group, 128 * kGroups);
      hopper::wgmma_wait<0>();
      hopper::pin(sums);
      if (lane == 0) hopper::arrive(barriers.empty[stage]);
      stage = stage + 1 == kStages ? 0 : stage + 1;
      if (stage == 0) parity ^= 1U;
      const int complete = 32 * ((rotation + 1) % 3);
      if (step + rotation >= 2) writer.write(sums + complete, step + rotation - 2);
#pragma unroll
      for (int v = 0; v < 32; ++v) sums[complete + v] = 0.0F;
    }
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 1)
    strip_conv(const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap weights,
               const __grid_constant__ CUtensorMap residual, const __grid_constant__ Strip strip) {
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
    for (int i = 0; i < kResults; ++i) {
      hopper::make_barrier(barriers.residual[i], 1);
      hopper::make_barrier(barriers.stored[i], 4 * kGroups);
    }
    hopper::publish_barriers();
  }
  __syncthreads();
  if (threadIdx.x / 128 == kGroups) {
    if (threadIdx.x == kGroups * 128) fetch(x, weights, residual, strip.adds, shared, barriers, begin, steps);
  } else {
    await_kernels_in_front();
    go_down<T>(strip, shared, barriers, begin, steps);
  }
#endif
}

template <typename T>
void start(const StripConvCall& call, cudaStream_t stream) {
  check(cudaFuncSetAttribute(strip_conv<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes),
        "preparing a convolution");
  const std::int64_t across = (call.width + kWide - 1) / kWide * call.batch;
  const std::int64_t down = std::clamp<std::int64_t>(count_multiprocessors() / across, 1, call.height);
  const std::int64_t rows = (call.height + down - 1) / down;
  const CUtensorMap x = make_tensor_map({call.x,
                                         call.type,
                                         {64, call.width, call.height, call.batch},
                                         {call.strides[2], call.strides[1], call.strides[0]},
                                         {64, kWide + 2, 1, 1}});
  const CUtensorMap weights =
      make_tensor_map({call.weight, call.type, {64, 9, 64, 1}, {64, 9 * 64, 9 * 64 * 64}, {64, 1, 64, 1}});
  const bool adds = call.residual != nullptr;
  const std::int64_t row = 64 * call.width;
  const CUtensorMap residual = adds ? make_tensor_map({call.residual,
                                                       call.type,
                                                       {64, call.width, call.height, call.batch},
                                                       {64, row, row * call.height},
                                                       {64, kWide, 1, 1}})
                                    : x;
  const Strip strip{
      call.bias, call.y,   static_cast<int>(call.height), static_cast<int>(call.width), static_cast<int>(rows),
      adds,      call.relu};
  const dim3 grid(blocks_for(call.width, kWide), blocks_for(call.height, static_cast<int>(rows)),
                  static_cast<unsigned>(call.batch));
  launch_kernel(strip_conv<T>, grid, kThreads, kSharedBytes, stream, x, weights, residual, strip);
}

}  // namespace

void launch_strip_conv(const StripConvCall& call, cudaStream_t stream) {
  if (call.type == DType::kBF16) {
    start<__nv_bfloat16>(call, stream);
  } else {
    start<__half>(call, stream);
  }
  check_launch("a convolution");
}

}  // namespace comfystream::backend::cuda
