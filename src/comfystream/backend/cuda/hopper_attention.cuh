// SPDX-License-Identifier: Apache-2.0
// Attention as one kernel for Hopper: y = softmax(scale * q k^T) v without the scores ever leaving the registers.
//
// The recipe is FlashAttention-3's (arXiv 2407.08608). A warp loads tiles of queries, keys and values into shared
// memory; each of the warpgroups beside it keeps 64 queries: scores of one tile of keys by a warpgroup product, softmax
// in registers, sums of values by another product whose left operand is the weights, still in registers. The scores of
// the next tile and the sums of the one before are under way while the softmax of a tile is computed, and warpgroups
// take turns to start their products, so that one's softmax meets another's products.
//
// A warpgroup's own instructions are what limits it, so the softmax does without the greatest score of each tile: what
// is subtracted is the greatest of a row's first tile (the result is the same whatever it is). Only where weights
// outgrow their type is it raised, and what was summed before scaled.
#pragma once

#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/hopper_attention_softmax.cuh"
#include "comfystream/backend/cuda/hopper_attention_tiles.cuh"
#include "comfystream/backend/cuda/wgmma.cuh"

namespace comfystream::backend::cuda::hopper {

/// d [16, 8] += a [16, 16] b [8, 16]^T by one warp.
template <typename T>
__device__ inline void multiply_by_warp(float& d0, float& d1, float& d2, float& d3, const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[2]) {
  if constexpr (std::is_same_v<T, __half>) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
        "%3};"
        : "+f"(d0), "+f"(d1), "+f"(d2), "+f"(d3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, "
        "%2, %3};"
        : "+f"(d0), "+f"(d1), "+f"(d2), "+f"(d3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

/// The queries of a warpgroup as left operands.
template <class C>
struct Queries {
  std::uint32_t fragments[C::kQueriesInRegisters ? C::kSteps : 1][4];
  std::uint64_t tile;  ///< its descriptor
};

/// A left operand of 16 elements of this warp's rows of a group's queries.
template <class C>
__device__ void load_left(std::uint32_t (&a)[4], const unsigned char* tile, int step) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int row = static_cast<int>(threadIdx.x) % 128 / 32 * 16 + lane % 16;
  const int piece = (2 * (step % 4) + lane / 16) ^ (row % 8);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(shared_address(tile + step / 4 * 64 * 128 + row * 128 + piece * 16))
               : "memory");
}

/// `tile`: the group's own.
template <class C>
__device__ void take_queries(Queries<C>& queries, const unsigned char* tile) {
  queries.tile = tile_descriptor(shared_address(tile), 16, 1024);
  if constexpr (C::kQueriesInRegisters) {
#pragma unroll
    for (int step = 0; step < C::kSteps; ++step) load_left<C>(queries.fragments[step], tile, step);
  }
}

// A descriptor is made once for a stage: what follows in it moves only the address in its low word.
__device__ inline std::uint64_t moved(std::uint64_t descriptor, std::uint32_t bytes) {
  return (descriptor & 0xFFFFFFFF00000000ULL) | (static_cast<std::uint32_t>(descriptor) + (bytes >> 4));
}

/// `queries` (where they are not in registers) and `keys`: descriptors.
template <class C>
__device__ void start_scores(float (&s)[C::kKeys / 2], const Queries<C>& queries, std::uint64_t keys) {
#pragma unroll
  for (int step = 0; step < C::kSteps; ++step) {
    const std::uint32_t within = static_cast<std::uint32_t>(step % 4 * 32);
    const std::uint64_t b = moved(keys, static_cast<std::uint32_t>(step / 4 * C::kKeys * 128) + within);
    const auto multiply = [&](auto&& a) {
      Wgmma<C::kKeys>::template multiply<typename C::Type, false>(s, a, b, step > 0 ? 1 : 0);
    };
    if constexpr (C::kQueriesInRegisters) {
      multiply(queries.fragments[step]);
    } else {
      multiply(moved(queries.tile, static_cast<std::uint32_t>(step / 4 * 64 * 128) + within));
    }
  }
}

/// `values`: a descriptor.
template <class C>
__device__ void start_sums(float (&o)[C::kHeadSize / 2], const std::uint32_t (&p)[C::kKeys / 16][4],
                           std::uint64_t values) {
#pragma unroll
  for (int step = 0; step < C::kKeys / 16; ++step) {
    const std::uint64_t b = moved(values, static_cast<std::uint32_t>(step * 16 * 128));
    Wgmma<C::kHeadSize>::template multiply<typename C::Type, true>(o, p[step], b, 1);
  }
}

/// One warp's scores by itself: its 16 rows of `queries` by the tile `keys`, both as loaded.
template <class C>
__device__ void multiply_alone(float (&s)[C::kKeys / 2], const unsigned char* queries, const unsigned char* keys) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int key = lane % 8;
#pragma unroll
  for (int i = 0; i < C::kKeys / 2; ++i) s[i] = 0.0F;
#pragma unroll 1
  for (int step = 0; step < C::kSteps; ++step) {
    std::uint32_t a[4];
    load_left<C>(a, queries, step);
    const int piece = (2 * (step % 4) + lane / 8 % 2) ^ key;
    const std::uint32_t at = shared_address(keys + step / 4 * C::kKeys * 128 + key * 128 + piece * 16);
#pragma unroll
    for (int j = 0; j < C::kKeys / 8; ++j) {
      std::uint32_t b[2];
      asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                   : "=r"(b[0]), "=r"(b[1])
                   : "r"(at + static_cast<std::uint32_t>(j * 8 * 128))
                   : "memory");
      multiply_by_warp<typename C::Type>(s[4 * j], s[4 * j + 1], s[4 * j + 2], s[4 * j + 3], a, b);
    }
  }
}

/// What a thread has of a row: its lanes in pairs exchange halves of two pieces of 8 columns, so that a warp's stores
/// fill sectors.
template <class C>
__device__ void write_row(const float (&o)[C::kHeadSize / 2], int h, float factor, typename C::Type* row, bool inside) {
  using T = typename C::Type;
  constexpr int kPieces = C::kHeadSize / 8;
  const int lane = static_cast<int>(threadIdx.x) % 4;
  const bool odd = lane % 2 != 0;
#pragma unroll
  for (int j = 0; j + 1 < kPieces; j += 2) {
    const std::uint32_t one = pack<T>(o[4 * j + 2 * h] * factor, o[4 * j + 2 * h + 1] * factor);
    const std::uint32_t two = pack<T>(o[4 * j + 2 * h + 4] * factor, o[4 * j + 2 * h + 5] * factor);
    const std::uint32_t other = __shfl_xor_sync(0xFFFFFFFFU, odd ? one : two, 1);
    if (inside) {
      *reinterpret_cast<uint2*>(row + 8 * j + lane % 2 * 8 + lane / 2 * 4) =
          odd ? make_uint2(other, two) : make_uint2(one, other);
    }
  }
  if constexpr (kPieces % 2 != 0) {
    constexpr int kLast = 4 * (kPieces - 1);
    if (inside) {
      *reinterpret_cast<std::uint32_t*>(row + 2 * kLast + 2 * lane) =
          pack<T>(o[kLast + 2 * h] * factor, o[kLast + 2 * h + 1] * factor);
    }
  }
}

template <class C>
__device__ void write_rows(const float (&o)[C::kHeadSize / 2], const RowState& rows, const AttentionWork& work,
                           int tile, int group) {
  const Place place = place_of<C>(tile, work);
  const int thread = static_cast<int>(threadIdx.x) % 128;
  const int first = place.row + group * 64 + thread / 32 * 16 + thread % 32 / 4;
  auto* y = static_cast<typename C::Type*>(work.y) + place.frame * work.y_batch + place.head * work.y_head;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float sum = rows.sum[h];
    sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 1);
    sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 2);
    const int row = first + 8 * h;
    write_row<C>(o, h, 1.0F / sum, y + row * work.y_token, row < work.queries);
  }
}

/// A warpgroup's part of all tiles of a block.
template <class C>
struct AttentionGroup {
  using Scores = float[C::kKeys / 2];

  const AttentionWork& work;
  AttentionBarriers<C>& barriers;
  const unsigned char* queries_tile;  // the group's own
  const unsigned char* keys_tile;     // the first stage
  std::uint64_t keys, values;         // descriptors of the first stage
  int group;
  bool signals;  // one lane of each warp
  std::uint32_t query_parity = 0;
  unsigned count = 0;  // tiles of keys that were needed; of values one less
  Queries<C> queries;
  float o[C::kHeadSize / 2];
  std::uint32_t p[C::kKeys / 16][4];
  RowState rows;

  __device__ void release(Barrier& barrier) const {
    if (signals) arrive(barrier);
  }
  __device__ int key_stage() const { return static_cast<int>(count % C::kStages); }
  __device__ int value_stage() const { return static_cast<int>((count - 1) % C::kStages); }
  __device__ void release_keys() {
    release(barriers.keys_empty[key_stage()]);
    ++count;
  }
  __device__ void await_keys() { wait(barriers.keys_full[key_stage()], count / C::kStages % 2); }
  __device__ void await_values() { wait(barriers.values_full[value_stage()], (count - 1) / C::kStages % 2); }
  __device__ void await_turn() const { named_sync(1 + group, 256); }
  __device__ void pass_turn() const { named_arrive(1 + (group + 1) % C::kWarpgroups, 256); }
  __device__ void await_queries() {
    wait(barriers.queries_full[group], query_parity);
    query_parity ^= 1;
  }

  __device__ void start_next_scores(Scores& s) {
    pin(s);
    wgmma_fence();
    start_scores<C>(s, queries, moved(keys, static_cast<std::uint32_t>(key_stage() * C::kKeyBytes)));
    wgmma_commit();
  }
  __device__ void start_next_sums() {
    await_values();
    pin(o);
    wgmma_fence();
    start_sums<C>(o, p, moved(values, static_cast<std::uint32_t>(value_stage() * C::kKeyBytes)));
    wgmma_commit();
  }
  template <int kPending>
  __device__ void await_scores(Scores& s) {
    wgmma_wait<kPending>();
    pin(s);
  }
  // Scores need not be computed again.
  __device__ void release_scores(bool last) {
    release_keys();
    if (last) release(barriers.queries_empty[group]);
  }
  __device__ void await_sums() {
    wgmma_wait<0>();
    pin(o);
    release(barriers.values_empty[value_stage()]);
  }

  // A tile's queries and first keys.
  __device__ void await_tile() {
    await_queries();
    take_queries<C>(queries, queries_tile);
    await_keys();
  }

  // The softmax of the first scores, which are there. Nothing is summed yet.
  __device__ void first_keys(Scores& s, int key_tiles) {
#pragma unroll
    for (int i = 0; i < C::kHeadSize / 2; ++i) o[i] = 0.0F;
    const int last = work.keys - (key_tiles - 1) * C::kKeys;
    if (last < C::kKeys) mask_end(s, last);
    row_maxima(s, rows.top);
#pragma unroll
    for (int h = 0; h < 2; ++h) rows.top[h] *= work.scale_log2;
    float sums[4];
    make_weights(s, sums, rows, work.scale_log2);
#pragma unroll
    for (int h = 0; h < 2; ++h) rows.sum[h] = sums[2 * h] + sums[2 * h + 1];
    pack_weights<typename C::Type>(s, p);
  }

  // Weights that have outgrown their type, or even single precision.
  __device__ void fit_weights(Scores& s, float (&sums)[4]) {
    float greatest[2];
    float factors[2];
    row_maxima(s, greatest);
    if (__any_sync(0xFFFFFFFFU, fmaxf(greatest[0], greatest[1]) > 1e37F) == 0) {
      raise_tops(s, sums, rows, factors, greatest);
    } else {
      multiply_alone<C>(s, queries_tile, keys_tile + key_stage() * C::kKeyBytes);
      row_maxima(s, greatest);
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float top = fmaxf(rows.top[h], greatest[h] * work.scale_log2);
        factors[h] = exp2_of_unit(rows.top[h] - top);
        rows.top[h] = top;
      }
      make_weights(s, sums, rows, work.scale_log2);
    }
    scale_sums(o, rows, factors);
  }

  // Scores of the next keys and sums of those before, then the softmax. The new weights replace those that are summed.
  __device__ void next_keys(Scores& s, bool last) {
    await_keys();
    await_turn();
    start_next_scores(s);
    start_next_sums();
    pass_turn();
    await_scores<1>(s);
    float sums[4];
    make_weights(s, sums, rows, work.scale_log2);
    if (outgrown(sums)) {
      await_sums();
      fit_weights(s, sums);
    } else {
      await_sums();
    }
    release_scores(last);
#pragma unroll
    for (int h = 0; h < 2; ++h) rows.sum[h] += sums[2 * h] + sums[2 * h + 1];
    pack_weights<typename C::Type>(s, p);
  }

  // Some of a tile's rows are this group's. Tiles where none are come last.
  __device__ bool has_rows(int tile) const {
    if (C::kWarpgroups <= 2) return tile < work.tiles;
    return tile < work.tiles && place_of<C>(tile, work).row + group * 64 < work.queries;
  }
  __device__ void pass_by(int key_tiles) {
    await_queries();
    release(barriers.queries_empty[group]);
    for (int i = 0; i < key_tiles; ++i) {
      await_keys();
      release_keys();
      await_values();
      release(barriers.values_empty[value_stage()]);
      if (i == 0) continue;
      await_turn();
      pass_turn();
    }
  }

  // From this group's first tile to its last; returns the next. A tile's first scores are under way while the one
  // before is written.
  __device__ int run_tiles(int tile, int key_tiles) {
    Scores s;
    await_tile();
    start_next_scores(s);
    await_scores<0>(s);
    release_scores(key_tiles == 1);
    while (true) {
      first_keys(s, key_tiles);
#pragma unroll 1
      for (int i = 1; i < key_tiles; ++i) next_keys(s, i == key_tiles - 1);
      start_next_sums();
      const int next = tile + static_cast<int>(gridDim.x);
      const bool more = has_rows(next);
      if (more) await_tile();
      await_sums();
      if (!more) break;
      start_next_scores(s);
      write_rows<C>(o, rows, work, tile, group);
      await_scores<0>(s);
      release_scores(key_tiles == 1);
      tile = next;
    }
    write_rows<C>(o, rows, work, tile, group);
    return tile + static_cast<int>(gridDim.x);
  }

  __device__ void run() {
    const int key_tiles = (work.keys + C::kKeys - 1) / C::kKeys;
    if (group == C::kWarpgroups - 1) pass_turn();
    int tile = static_cast<int>(blockIdx.x);
    if (has_rows(tile)) tile = run_tiles(tile, key_tiles);
    for (; tile < work.tiles; tile += static_cast<int>(gridDim.x)) pass_by(key_tiles);
  }
};

/// q, k, v: tensors of rank 4 [frames, tokens, heads, size], boxes of 64 elements of one head of 64, kKeys and kKeys
/// tokens. At most a block a multiprocessor; any number of them.
template <class C>
__global__ void __launch_bounds__(C::kThreads, 1)
    attention_kernel(const __grid_constant__ CUtensorMap q, const __grid_constant__ CUtensorMap k,
                     const __grid_constant__ CUtensorMap v, const __grid_constant__ AttentionWork work) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ unsigned char unaligned[];
  __shared__ AttentionBarriers<C> barriers;
  unsigned char* shared = unaligned + (1024 - shared_address(unaligned) % 1024) % 1024;
  if (threadIdx.x == 0) barriers.make();
  __syncthreads();
  await_kernels_in_front();
  const int group = __shfl_sync(0xFFFFFFFFU, static_cast<int>(threadIdx.x) / 128, 0);
  if (group == C::kWarpgroups) {
    give_registers<C::kLoaderRegisters>();
    if (threadIdx.x == 128 * C::kWarpgroups) load_tiles<C>(q, k, v, work, shared, barriers);
  } else {
    take_registers<C::kGroupRegisters>();
    const std::uint32_t keys = shared_address(shared) + C::kQueryBytes;
    AttentionGroup<C> part{work,
                           barriers,
                           shared + group * C::kGroupBytes,
                           shared + C::kQueryBytes,
                           tile_descriptor(keys, 16, 1024),
                           tile_descriptor(keys + C::kStages * C::kKeyBytes, C::kKeys * 128, 1024),
                           group,
                           threadIdx.x % 32 == 0};
    part.run();
  }
#endif
}

}  // namespace comfystream::backend::cuda::hopper
