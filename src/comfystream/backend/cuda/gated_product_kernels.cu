// SPDX-License-Identifier: Apache-2.0
// Each block keeps the weights of 128 columns and their gates, [256, 320], in shared memory and takes every so many
// tiles of 64 rows. One warp fetches x in pieces of 64 columns; two warpgroups take turns at the tensor cores, so that
// one multiplies while the other computes its gates and stores.
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
constexpr int kStages = 8;
constexpr int kPieceBytes = kTileRows * 128;
constexpr int kHalfBytes = kColumns * 128;  // of a piece of the weights, gates or not
constexpr int kWeightBytes = kPieces * 2 * kHalfBytes;
constexpr int kThreads = 384;

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

// 0.5 x (1 + erf(x / sqrt 2)), by Abramowitz and Stegun 7.1.26.
__device__ inline float exact_gelu(float x) {
  const float z = fabsf(x) * 0.70710678118654752F;
  const float t = __fdividef(1.0F, fmaf(0.3275911F, z, 1.0F));
  float p = fmaf(1.061405429F, t, -1.453152027F);
  p = fmaf(p, t, 1.421413741F);
  p = fmaf(p, t, -0.284496736F);
  p = fmaf(p, t, 0.254829592F);
  const float rest = p * t * exp2f(-1.4426950408889634F * z * z);  // 1 - erf(z)
  const float half = 0.5F * x;
  return x < 0.0F ? half * rest : fmaf(-half, rest, x);
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

// Weights in an order that makes a thread's sums adjacent columns: it has columns 8 j + 2 q and + 1 of every 8 of a
// product, and is to store 8 of every 32.
template <typename T>
__device__ void fetch_weights(unsigned char* weights, const T* w, int out, int column) {
  constexpr int kChunks = kIn / 8;
  for (int i = static_cast<int>(threadIdx.x); i < 2 * kColumns * kChunks; i += kThreads) {
    const int n = i / kChunks;
    const int chunk = i % kChunks;
    const int m = n % kColumns;
    const int from_column = column + m / 32 * 32 + m % 8 / 2 * 8 + m / 8 % 4 * 2 + m % 2;
    const T* from = w + static_cast<std::int64_t>((n < kColumns ? 0 : out) + from_column) * kIn + chunk * 8;
    const unsigned char* to = weights + chunk / 8 * 2 * kHalfBytes + n * 128 + ((chunk % 8) ^ (n % 8)) * 16;
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

// `turn` counts the block's tiles. The last products are still under way at the end.
template <typename T>
__device__ inline void multiply_tile(float (&value)[64], float (&gate)[64], const unsigned char* weights,
                                     const unsigned char* ring, Shared& shared, int turn) {
  using Product = hopper::Wgmma<kColumns>;
#pragma unroll
  for (int k = 0; k < kPieces; ++k) {
    const int piece = turn * kPieces + k;
    const int stage = piece % kStages;
    hopper::wait(shared.full[stage], piece / kStages % 2);
    const std::uint64_t a = tile_at(ring + stage * kPieceBytes);
    const std::uint64_t b = tile_at(weights + k * 2 * kHalfBytes);
    const std::uint64_t gates = tile_at(weights + (k * 2 + 1) * kHalfBytes);
    hopper::wgmma_fence();
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      Product::multiply<T, false>(value, a + 2 * i, b + 2 * i, k + i > 0 ? 1 : 0);
      Product::multiply<T, false>(gate, a + 2 * i, gates + 2 * i, k + i > 0 ? 1 : 0);
    }
    hopper::wgmma_commit();
    if (k == 0) continue;
    hopper::wgmma_wait<1>();
    if (threadIdx.x % 128 == 0) hopper::arrive(shared.empty[(piece - 1) % kStages]);
  }
}

template <typename T>
__device__ inline void store_tile(const float (&value)[64], const float (&gate)[64], const Shared& shared, T* y,
                                  int row, int rows, int out) {
  const int quad = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int part = 0; part < 4; ++part) {
    const int at = part * 32 + quad * 8;
    float bias[8];
    float gate_bias[8];
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
      *reinterpret_cast<float4*>(bias + i) = *reinterpret_cast<const float4*>(shared.bias + at + i);
      *reinterpret_cast<float4*>(gate_bias + i) = *reinterpret_cast<const float4*>(shared.bias + kColumns + at + i);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      unsigned pairs[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int from = (part * 4 + i) * 4 + half * 2;
        pairs[i] = packed<T>((value[from] + bias[2 * i]) * exact_gelu(gate[from] + gate_bias[2 * i]),
                             (value[from + 1] + bias[2 * i + 1]) * exact_gelu(gate[from + 1] + gate_bias[2 * i + 1]));
      }
      if (row + half * 8 >= rows) continue;
      *reinterpret_cast<uint4*>(y + static_cast<std::int64_t>(row + half * 8) * out + at) =
          make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
  }
}

template <typename T>
__device__ inline void multiply_rows(const unsigned char* weights, const unsigned char* ring, Shared& shared,
                                     const Share& share, T* y, int rows, int out) {
  const int group = static_cast<int>(threadIdx.x) / 128;
  const int thread = static_cast<int>(threadIdx.x) % 128;
  // Warpgroup g waits for the other's word at barrier 1 + g. The first has it from the start.
  if (group == 1) hopper::named_arrive(1, 256);
  for (int turn = group, tile = share.first + group * share.step; tile < share.tiles;
       turn += 2, tile += 2 * share.step) {
    float value[64];
    float gate[64];
    hopper::named_sync(1 + group, 256);
    multiply_tile<T>(value, gate, weights, ring, shared, turn);
    hopper::named_arrive(2 - group, 256);
    hopper::wgmma_wait<0>();
    hopper::pin(value);
    hopper::pin(gate);
    if (thread == 0) hopper::arrive(shared.empty[(turn * kPieces + kPieces - 1) % kStages]);
    store_tile(value, gate, shared, y + share.column, tile * kTileRows + thread / 32 * 16 + thread % 32 / 4, rows, out);
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
      hopper::make_barrier(shared.empty[i], 1);
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
  if (thread / 128 == 2) {
    hopper::give_registers<24>();
    if (thread == 256) fetch_rows(x, ring, shared, share);
  } else {
    hopper::take_registers<240>();
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
