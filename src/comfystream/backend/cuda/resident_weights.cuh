// SPDX-License-Identifier: Apache-2.0
// Products of many rows with narrow weights: each block keeps a slice of the weights in shared memory and takes every
// so many tiles of 64 rows of x. One warp fetches x in pieces of 64 columns; the other warpgroups take turns at the
// tensor cores: while one multiplies, the others do what follows (Epilogue) and store. Only for compute capability 9.0.
#pragma once

#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/hopper.cuh"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/tensor_map.hpp"
#include "comfystream/backend/cuda/wgmma.cuh"

#include <algorithm>

namespace comfystream::backend::cuda::resident {

inline constexpr int kTileRows = 64;
inline constexpr int kPieceBytes = kTileRows * 128;

/// Columns of x / 64; rows of the weights that one product takes, and how many such parts a block keeps; warpgroups
/// that multiply, and their threads' registers.
template <int kPieces_, int kWidth_, int kParts_, int kGroups_, int kRegisters_>
struct Shape {
  static constexpr int kPieces = kPieces_;
  static constexpr int kIn = kPieces * 64;
  static constexpr int kWidth = kWidth_;
  static constexpr int kParts = kParts_;
  static constexpr int kGroups = kGroups_;
  static constexpr int kRegisters = kRegisters_;
  static constexpr int kThreads = 128 * (kGroups + 1);
  static constexpr int kPartBytes = kWidth * 128;  // of one piece
  static constexpr int kWeightBytes = kPieces * kParts * kPartBytes;
  static constexpr int kStages = std::min(10, (225 * 1024 - kWeightBytes) / kPieceBytes);
  static constexpr int kBiases = kWidth * kParts;
  using Sums = float[kParts][kWidth / 2];  ///< of 64 rows by all the block's weights; see wgmma.cuh

  struct Shared {
    hopper::Barrier full[kStages], empty[kStages];
    float bias[kBiases];
  };
  static constexpr std::size_t kSharedBytes = 1024 + kWeightBytes + kStages * kPieceBytes + sizeof(Shared);
  static_assert(kStages >= kPieces / 2 && kSharedBytes <= 227 * 1024);
};

/// What a block of `across` * n blocks does: part `column` of the weights, every `step`-th tile from `first` on.
struct Share {
  int column, first, step, tiles;
};
__device__ inline Share share_of(int rows, int across) {
  const int block = static_cast<int>(blockIdx.x);
  return {block % across, block / across, static_cast<int>(gridDim.x) / across, (rows + kTileRows - 1) / kTileRows};
}

/// Of every 32 columns that a product makes a thread has 2 of every 8. Row m of the weights in shared memory is this
/// one of the weights, so that these 8 are columns next to each other.
__device__ inline int column_of(int m) { return m / 32 * 32 + m % 8 / 2 * 8 + m / 8 % 4 * 2 + m % 2; }

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

template <typename S>
struct Block {
  unsigned char* weights;
  unsigned char* ring;
  typename S::Shared& shared;

  __device__ explicit Block(unsigned char* raw)
      : weights(raw + (1024 - hopper::shared_address(raw) % 1024) % 1024),
        ring(weights + S::kWeightBytes),
        shared(*reinterpret_cast<typename S::Shared*>(ring + S::kStages * kPieceBytes)) {}

  __device__ void make_barriers() {
    if (threadIdx.x != 0) return;
    for (int i = 0; i < S::kStages; ++i) {
      hopper::make_barrier(shared.full[i], 1);
      hopper::make_barrier(shared.empty[i], 1);
    }
    hopper::publish_barriers();
  }

  /// `row_of(n)`: which row of w, dense, is row n of the block's.
  template <typename T, typename RowOf>
  __device__ void fetch_weights(const T* w, RowOf row_of) {
    constexpr int kChunks = S::kIn / 8;
    for (int i = static_cast<int>(threadIdx.x); i < S::kWidth * S::kParts * kChunks; i += S::kThreads) {
      const int n = i / kChunks;
      const int chunk = i % kChunks;
      const T* from = w + static_cast<std::int64_t>(row_of(n)) * S::kIn + chunk * 8;
      const unsigned char* to =
          weights + chunk / 8 * S::kParts * S::kPartBytes + n * 128 + ((chunk % 8) ^ (n % 8)) * 16;
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(hopper::shared_address(to)), "l"(from));
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
    asm volatile("fence.proxy.async;" ::: "memory");  // products see what was stored
  }

  __device__ void fetch_rows(const CUtensorMap& x, const Share& share) {
    int piece = 0;
    for (int tile = share.first; tile < share.tiles; tile += share.step) {
      for (int k = 0; k < S::kPieces; ++k, ++piece) {
        const int stage = piece % S::kStages;
        hopper::wait(shared.empty[stage], (piece / S::kStages + 1) % 2);
        hopper::arrive_expecting(shared.full[stage], kPieceBytes);
        hopper::load_box(x, ring + stage * kPieceBytes, shared.full[stage], k * 64, tile * kTileRows, 0, 0);
      }
    }
  }

  /// The last products are still under way at the end.
  template <typename T>
  __device__ void multiply(typename S::Sums& sums, int first_piece) {
#pragma unroll
    for (int k = 0; k < S::kPieces; ++k) {
      const int stage = (first_piece + k) % S::kStages;
      hopper::wait(shared.full[stage], (first_piece + k) / S::kStages % 2);
      const std::uint64_t a = tile_at(ring + stage * kPieceBytes);
      const std::uint64_t b = tile_at(weights + k * S::kParts * S::kPartBytes);
      hopper::wgmma_fence();
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int part = 0; part < S::kParts; ++part) {
          hopper::Wgmma<S::kWidth>::template multiply<T, false>(
              sums[part], a + 2 * i, b + part * (S::kPartBytes / 16) + 2 * i, k + i > 0 ? 1 : 0);
        }
      }
      hopper::wgmma_commit();
      if (k == 0) continue;
      hopper::wgmma_wait<1>();
      if (threadIdx.x % 128 == 0) hopper::arrive(shared.empty[(first_piece + k - 1) % S::kStages]);
    }
  }

  /// For each of the block's tiles by one warpgroup: `epilogue(sums, row, begin(row))`, row: of the thread's first
  /// sums, its others are 8 further down. `begin` starts loads that end while others multiply.
  template <typename T, typename Begin, typename Epilogue>
  __device__ void take_turns(const Share& share, Begin begin, Epilogue epilogue) {
    const int group = static_cast<int>(threadIdx.x) / 128;
    const int thread = static_cast<int>(threadIdx.x) % 128;
    // Warpgroup g waits for the word of the one before it at barrier 1 + g. The first has it from the start.
    if (group == S::kGroups - 1) hopper::named_arrive(1, 256);
    for (int nth = group;; nth += S::kGroups) {
      const int tile = share.first + nth * share.step;
      if (tile >= share.tiles) return;
      const int row = tile * kTileRows + thread / 32 * 16 + thread % 32 / 4;
      const auto begun = begin(row);
      typename S::Sums sums;
      hopper::named_sync(1 + group, 256);
      multiply<T>(sums, nth * S::kPieces);
      hopper::named_arrive(1 + (group + 1) % S::kGroups, 256);
      hopper::wgmma_wait<0>();
#pragma unroll
      for (int part = 0; part < S::kParts; ++part) hopper::pin(sums[part]);
      if (thread == 0) hopper::arrive(shared.empty[(nth * S::kPieces + S::kPieces - 1) % S::kStages]);
      epilogue(sums, row, begun);
    }
  }

  /// After the weights: everything else, by each thread according to its place.
  template <typename T, typename Begin, typename Epilogue>
  __device__ void run(const CUtensorMap& x, const Share& share, Begin begin, Epilogue epilogue) {
    __syncthreads();
    await_kernels_in_front();
    if (threadIdx.x / 128 == S::kGroups) {
      hopper::give_registers<24>();
      if (threadIdx.x == S::kGroups * 128) fetch_rows(x, share);
    } else {
      hopper::take_registers<S::kRegisters>();
      take_turns<T>(share, begin, epilogue);
    }
  }

 private:
  static __device__ std::uint64_t tile_at(const unsigned char* address) {
    return hopper::tile_descriptor(hopper::shared_address(address), 16, 1024);
  }
};

/// Blocks for `across` slices of the weights and this many rows: as many as the card runs at once.
[[nodiscard]] inline unsigned blocks(std::int64_t rows, unsigned across) {
  const auto processors = static_cast<unsigned>(count_multiprocessors());
  return across * std::clamp(processors / across, 1U, blocks_for(rows, kTileRows));
}

[[nodiscard]] inline CUtensorMap map_rows(const void* x, DType type, std::int64_t rows, std::int64_t columns,
                                          std::int64_t stride) {
  return make_tensor_map({x, type, {columns, rows, 1, 1}, {stride, stride, stride}, {64, kTileRows, 1, 1}});
}

}  // namespace comfystream::backend::cuda::resident
