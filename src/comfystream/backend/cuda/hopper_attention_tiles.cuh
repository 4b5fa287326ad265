// SPDX-License-Identifier: Apache-2.0
// How attention on Hopper is cut into tiles, and how these come into shared memory.
#pragma once

#include "comfystream/backend/cuda/hopper.cuh"

#include <cstdint>

namespace comfystream::backend::cuda::hopper {

/// y's strides in elements. `tiles` are of kRows queries each, `row_tiles` for a head.
struct AttentionWork {
  void* y;
  long long y_batch, y_head, y_token;
  int heads, queries, keys;
  int row_tiles, tiles;
  float scale_log2;  ///< scale * log2(e), > 0
};

/// T: __half or __nv_bfloat16. kTile: keys of a tile. kDepth: tiles of keys, and of values, in shared memory.
/// kKeepQueries: in registers, else in shared memory.
template <typename T, int kHead, int kTile, int kGroups, int kDepth, bool kKeepQueries>
struct AttentionConfig {
  using Type = T;
  static constexpr int kHeadSize = kHead;
  static constexpr int kKeys = kTile;
  static constexpr int kWarpgroups = kGroups;
  static constexpr int kStages = kDepth;
  static constexpr bool kQueriesInRegisters = kKeepQueries;

  static constexpr int kSteps = (kHead + 15) / 16;  ///< of a product over a head's elements
  static constexpr int kBoxes = (kHead + 63) / 64;  ///< of 64 elements; zeros are loaded past the last element
  static constexpr int kRows = 64 * kGroups;
  static constexpr int kGroupBytes = kBoxes * 64 * 128;  ///< of a warpgroup's queries
  static constexpr int kQueryBytes = kGroups * kGroupBytes;
  static constexpr int kKeyBytes = kBoxes * kTile * 128;  ///< and of as many values
  static constexpr int kSharedBytes = 1024 + kQueryBytes + 2 * kDepth * kKeyBytes;

  /// The loading warp is a group of its own, which hands its registers to the others.
  static constexpr int kThreads = 128 * (kGroups + 1);
  static constexpr int kEntryRegisters = 65536 / kThreads / 8 * 8;
  static constexpr int kLoaderRegisters = 24;
  static constexpr int kFreeRegisters = (kEntryRegisters * kThreads - kLoaderRegisters * 128) / (128 * kGroups) / 8 * 8;
  static constexpr int kGroupRegisters = kFreeRegisters < 240 ? kFreeRegisters : 240;
};

template <class C>
struct AttentionBarriers {
  Barrier queries_full[C::kWarpgroups], queries_empty[C::kWarpgroups];
  Barrier keys_full[C::kStages], keys_empty[C::kStages];
  Barrier values_full[C::kStages], values_empty[C::kStages];

  /// By one thread. Every warp tells when it needs a tile no longer.
  __device__ void make() {
    for (int group = 0; group < C::kWarpgroups; ++group) {
      make_barrier(queries_full[group], 1);
      make_barrier(queries_empty[group], 4);
    }
    for (int stage = 0; stage < C::kStages; ++stage) {
      make_barrier(keys_full[stage], 1);
      make_barrier(keys_empty[stage], 4 * C::kWarpgroups);
      make_barrier(values_full[stage], 1);
      make_barrier(values_empty[stage], 4 * C::kWarpgroups);
    }
    publish_barriers();
  }
};

/// A place in a ring of stages.
template <int kStages>
struct Ring {
  int stage = 0;
  std::uint32_t parity = 0;
  __device__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

/// A tile's first row, and its head.
struct Place {
  int row, head, frame;
};
/// The tiles of a head follow each other; but where warpgroups may have none of a head's last rows, these tiles, which
/// are over sooner, come last.
template <class C>
__device__ Place place_of(int tile, const AttentionWork& work) {
  int rows = tile % work.row_tiles;
  int head = tile / work.row_tiles;
  if constexpr (C::kWarpgroups > 2) {
    const int whole = work.row_tiles - 1;
    const int before = work.tiles - work.tiles / work.row_tiles;
    const bool last = tile >= before;
    rows = last ? whole : tile % max(whole, 1);
    head = last ? tile - before : tile / max(whole, 1);
  }
  return {rows * C::kRows, head % work.heads, head / work.heads};
}

template <class C>
__device__ void load_rows(const CUtensorMap& map, unsigned char* to, Barrier& barrier, int rows, int token,
                          const Place& place) {
  arrive_expecting(barrier, static_cast<std::uint32_t>(C::kBoxes * rows * 128));
#pragma unroll
  for (int box = 0; box < C::kBoxes; ++box)
    load_box(map, to + box * rows * 128, barrier, 64 * box, place.head, token, place.frame);
}

/// By one thread: all tiles of a block, keys and values from the last to the first. The first keys of a tile come
/// before its queries, whose place is free only when the tile before is nearly over.
template <class C>
__device__ void load_tiles(const CUtensorMap& q, const CUtensorMap& k, const CUtensorMap& v, const AttentionWork& work,
                           unsigned char* shared, AttentionBarriers<C>& barriers) {
  unsigned char* keys = shared + C::kQueryBytes;
  unsigned char* values = keys + C::kStages * C::kKeyBytes;
  Ring<C::kStages> ring;
  std::uint32_t query_parity = 1;
  const int last = (work.keys + C::kKeys - 1) / C::kKeys - 1;
  for (int tile = static_cast<int>(blockIdx.x); tile < work.tiles; tile += static_cast<int>(gridDim.x)) {
    const Place place = place_of<C>(tile, work);
    for (int i = last; i >= 0; --i, ring.advance()) {
      wait(barriers.keys_empty[ring.stage], ring.parity ^ 1);
      load_rows<C>(k, keys + ring.stage * C::kKeyBytes, barriers.keys_full[ring.stage], C::kKeys, i * C::kKeys, place);
      for (int group = 0; i == last && group < C::kWarpgroups; ++group) {
        wait(barriers.queries_empty[group], query_parity);
        load_rows<C>(q, shared + group * C::kGroupBytes, barriers.queries_full[group], 64, place.row + 64 * group,
                     place);
      }
      wait(barriers.values_empty[ring.stage], ring.parity ^ 1);
      load_rows<C>(v, values + ring.stage * C::kKeyBytes, barriers.values_full[ring.stage], C::kKeys, i * C::kKeys,
                   place);
    }
    query_parity ^= 1;
  }
}

}  // namespace comfystream::backend::cuda::hopper
