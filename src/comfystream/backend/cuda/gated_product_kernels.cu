// SPDX-License-Identifier: Apache-2.0
// Each block keeps the weights of 128 columns and their gates, [256, 320], in shared memory and takes every so many
// tiles of 64 rows. One warp fetches x in pieces of 64 columns. Four warpgroups take turns at the tensor cores, for 64
// rows by half the block's columns each: while one multiplies, the others compute their gates and store.
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/gated_product.hpp"
#include "comfystream/backend/cuda/hopper.cuh"
#include "comfystream/backend/cuda/tensor_map.hpp"
#include "comfystream/backend/cuda/wgmma.cuh"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

constexpr int kIn = 320;
constexpr int kPieces = kIn / 64;
constexpr int kTileRows = 64;
constexpr int kColumns = 128;
constexpr int kHalves = 2;
constexpr int kHalf = kColumns / kHalves;  // columns of a turn, beside as many gates
constexpr int kGroups = 4;                 // warpgroups that multiply
constexpr int kThreads = 128 * (kGroups + 1);
constexpr int kStages = 8;
constexpr int kPieceBytes = kTileRows * 128;
constexpr int kHalfBytes = 2 * kHalf * 128;  // of a piece of the weights
constexpr int kWeightBytes = kPieces * kHalves * kHalfBytes;

struct Shared {
  hopper::Barrier full[kStages], empty[kStages];
  float bias[2 * kColumns];
};
constexpr std::size_t kSharedBytes = 1024 + kWeightBytes + kStages * kPieceBytes + sizeof(Shared);

// A block's share: columns from `column` on, and every `step`-th tile of rows from `first` on.
struct Share {
  int column, first, step, tiles;
};

__device__ inline Share share_of(int rows, int out) {
  const int across = out / kColumns;
  const int block = static_cast<int>(blockIdx.x);
  return {block % across * kColumns, block / across, static_cast<int>(gridDim.x) / across,
          (rows + kTileRows - 1) / kTileRows};
}

__device__ inline float fast_reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// 0.5 x (1 + erf(x / sqrt 2)), by Abramowitz and Stegun 7.1.26 for 1 - erf(z) with z = |x| / sqrt 2.
__device__ inline float exact_gelu(float x) {
  const float t = fast_reciprocal(fmaf(0.3275911F * 0.70710678118654752F, fabsf(x), 1.0F));
  float p = fmaf(0.5F * 1.061405429F, t, 0.5F * -1.453152027F);
  p = fmaf(p, t, 0.5F * 1.421413741F);
  p = fmaf(p, t, 0.5F * -0.284496736F);
  p = fmaf(p, t, 0.5F * 0.254829592F);
  const float rest = p * t * fast_exp2(x * (x * (-0.5F * 1.4426950408889634F)));
  return fmaxf(x, 0.0F) - fabsf(x * rest);
}

template <typename T>
__device__ inline unsigned packed(float a, float b) {
  if constexpr (std::is_same_v<T, __half>) {
    const __half2 pair = __floats2half2_rn(a, b);
    return *reinterpret_cast<const unsigned*>(&pair);
  } else {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(a, b);
    return *reinterpret_cast<const unsigned*>(&pair);
  }
}

// A half's weights are followed by those of its gates, in an order that makes a thread's sums adjacent columns: it has
// columns 8 j + 2 q and + 1 of every 8 of a product, and is to store 8 of every 32.
template <typename T>
__device__ void fetch_weights(unsigned char* weights, const T* w, int out, int column) {
  constexpr int kChunks = kIn / 8;
  for (int i = static_cast<int>(threadIdx.x); i < 2 * kColumns * kChunks; i += kThreads) {
    const int n = i / kChunks;
    const int chunk = i % kChunks;
    const int m = n % kHalf;
    const int from_column = column + n / (2 * kHalf) * kHalf + m / 32 * 32 + m % 8 / 2 * 8 + m / 8 % 4 * 2 + m % 2;
    const bool gate = n / kHalf % 2 == 1;
    const T* from = w + static_cast<std::int64_t>((gate ? out : 0) + from_column) * kIn + chunk * 8;
    const unsigned char* to = weights + chunk / 8 * kHalves * kHalfBytes + n * 128 + ((chunk % 8) ^ (n % 8)) * 16;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(hopper::shared_address(to)), "l"(from));
  }
  asm volatile("cp.async.wait_all;" ::: "memory");
}

__device__ void fetch_rows(const CUtensorMap& x, unsigned char* ring, Shared& shared, const Share& share) {
  int piece = 0;
  for (int tile = share.first; tile < share.tiles; tile += share.step) {
    for (int k = 0; k < kPieces; ++k, ++piece) {
      const int stage = piece % kStages;
      hopper::wait(shared.empty[stage], (piece / kStages + 1) % 2);
      hopper::arrive_expecting(shared.full[stage], kPieceBytes);
      hopper::load_box(x, ring + stage * kPieceBytes, shared.full[stage], k * 64, tile * kTileRows, 0, 0);
    }
  }
}

__device__ inline std::uint64_t tile_at(const unsigned char* address) {
  return hopper::tile_descriptor(hopper::shared_address(address), 16, 1024);
}

// sums: [64 rows, a half's columns and their gates]. The last products are still under way at the end.
template <typename T>
__device__ inline void multiply_tile(float (&sums)[kHalf], const unsigned char* weights, const unsigned char* ring,
                                     Shared& shared, int first_piece) {
#pragma unroll
  for (int k = 0; k < kPieces; ++k) {
    const int stage = (first_piece + k) % kStages;
    hopper::wait(shared.full[stage], (first_piece + k) / kStages % 2);
    const std::uint64_t a = tile_at(ring + stage * kPieceBytes);
    const std::uint64_t b = tile_at(weights + k * kHalves * kHalfBytes);
    hopper::wgmma_fence();
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      hopper::Wgmma<2 * kHalf>::multiply<T, false>(sums, a + 2 * i, b + 2 * i, k + i > 0 ? 1 : 0);
    }
    hopper::wgmma_commit();
    if (k == 0) continue;
    hopper::wgmma_wait<1>();
    if (threadIdx.x % 128 == 0) hopper::arrive(shared.empty[(first_piece + k - 1) % kStages]);
  }
}

// y and bias begin at the half's first column; row is the thread's first.
template <typename T>
__device__ inline void store_tile(const float (&sums)[kHalf], const float* bias, T* y, int row, int rows, int out) {
  const int quad = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int part = 0; part < kHalf / 32; ++part) {
    const int at = part * 32 + quad * 8;
    float value_bias[8];
    float gate_bias[8];
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
      *reinterpret_cast<float4*>(value_bias + i) = *reinterpret_cast<const float4*>(bias + at + i);
      *reinterpret_cast<float4*>(gate_bias + i) = *reinterpret_cast<const float4*>(bias + kColumns + at + i);
    }
#pragma unroll
    for (int below = 0; below < 2; ++below) {
      unsigned pairs[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* value = sums + (part * 4 + i) * 4 + below * 2;
        const float* gate = value + kHalf / 2;
        pairs[i] = packed<T>((value[0] + value_bias[2 * i]) * exact_gelu(gate[0] + gate_bias[2 * i]),
                             (value[1] + value_bias[2 * i + 1]) * exact_gelu(gate[1] + gate_bias[2 * i + 1]));
      }
      if (row + below * 8 >= rows) continue;
      *reinterpret_cast<uint4*>(y + static_cast<std::int64_t>(row + below * 8) * out + at) =
          make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
  }
}

template <typename T>
__device__ inline void multiply_rows(const unsigned char* weights, const unsigned char* ring, Shared& shared,
                                     const Share& share, T* y, int rows, int out) {
  const int group = static_cast<int>(threadIdx.x) / 128;
  const int thread = static_cast<int>(threadIdx.x) % 128;
  // Warpgroup g waits for the word of the one before it at barrier 1 + g. The first has it from the start.
  if (group == kGroups - 1) hopper::named_arrive(1, 256);
  for (int turn = group;; turn += kGroups) {
    const int nth = turn / kHalves;  // of the block's tiles
    const int half = turn % kHalves;
    const int tile = share.first + nth * share.step;
    if (tile >= share.tiles) return;
    float sums[kHalf];
    hopper::named_sync(1 + group, 256);
    multiply_tile<T>(sums, weights + half * kHalfBytes, ring, shared, nth * kPieces);
    hopper::named_arrive(1 + (group + 1) % kGroups, 256);
    hopper::wgmma_wait<0>();
    hopper::pin(sums);
    if (thread == 0) hopper::arrive(shared.empty[(nth * kPieces + kPieces - 1) % kStages]);
    store_tile(sums, shared.bias + half * kHalf, y + share.column + half * kHalf,
               tile * kTileRows + thread / 32 * 16 + thread % 32 / 4, rows, out);
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 1)
    gated_product_kernel(const __grid_constant__ CUtensorMap x, const T* __restrict__ w, const T* __restrict__ bias,
                         T* __restrict__ y, int rows, int out) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ unsigned char raw[];
  unsigned char* weights = raw + (1024 - hopper::shared_address(raw) % 1024) % 1024;
  unsigned char* ring = weights + kWeightBytes;
  Shared& shared = *reinterpret_cast<Shared*>(ring + kStages * kPieceBytes);
  const Share share = share_of(rows, out);
  const int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) {
    for (int i = 0; i < kStages; ++i) {
      hopper::make_barrier(shared.full[i], 1);
      hopper::make_barrier(shared.empty[i], kHalves);
    }
    hopper::publish_barriers();
  }
  // Weights are constants: they need not wait for the kernels in front.
  fetch_weights(weights, w, out, share.column);
  if (thread < 2 * kColumns) {
    shared.bias[thread] = to_float(bias[(thread < kColumns ? 0 : out) + share.column + thread % kColumns]);
  }
  asm volatile("fence.proxy.async;" ::: "memory");  // products see what was stored
  __syncthreads();
  await_kernels_in_front();
  if (thread / 128 == kGroups) {
    hopper::give_registers<24>();
    if (thread == kGroups * 128) fetch_rows(x, ring, shared, share);
  } else {
    hopper::take_registers<112>();
    multiply_rows(weights, ring, shared, share, y, rows, out);
  }
#endif
}

unsigned processors_of_device() {
  int device = 0;
  int count = 0;
  check(cudaGetDevice(&device), "asking for the device");
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "asking for the device");
  return static_cast<unsigned>(count);
}

template <typename T>
void launch(const GatedProductCall& call, cudaStream_t stream) {
  const auto across = static_cast<unsigned>(call.out / kColumns);
  const unsigned down = std::clamp(processors_of_device() / across, 1U, blocks_for(call.rows, kTileRows));
  check(cudaFuncSetAttribute(gated_product_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(kSharedBytes)),
        "preparing a gated product");
  const CUtensorMap x = make_tensor_map({call.x,
                                         call.type,
                                         {call.in, call.rows, 1, 1},
                                         {call.x_stride, call.x_stride, call.x_stride},
                                         {64, kTileRows, 1, 1}});
  launch_kernel(gated_product_kernel<T>, dim3(across * down), kThreads, kSharedBytes, stream, x,
                static_cast<const T*>(call.w), static_cast<const T*>(call.bias), static_cast<T*>(call.y),
                static_cast<int>(call.rows), static_cast<int>(call.out));
}

}  // namespace

void launch_gated_product(const GatedProductCall& call, cudaStream_t stream) {
  if (call.type == DType::kBF16) {
    launch<__nv_bfloat16>(call, stream);
  } else {
    launch<__half>(call, stream);
  }
  check_launch("a gated product");
}

}  // namespace comfystream::backend::cuda
