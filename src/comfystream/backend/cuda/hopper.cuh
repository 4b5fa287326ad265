// SPDX-License-Identifier: Apache-2.0
// What Hopper kernels are made of: barriers in shared memory, bulk tensor loads, descriptors of tiles in shared memory
// for warpgroup products (wgmma.cuh), and what orders them. Only for compute capability 9.0 (sm_90a).
//
// Tiles are stored as bulk tensor loads with CU_TENSOR_MAP_SWIZZLE_128B leave them: rows of 128 bytes (64 narrow
// elements) at an address that is a multiple of 1024, the 16-byte piece c of row r at place c ^ (r % 8).
#pragma once

#include <cstdint>

#include <cuda.h>

namespace comfystream::backend::cuda::hopper {

using Barrier = std::uint64_t;

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// One thread makes the barriers, then calls publish_barriers(); then a barrier of the block.
__device__ inline void make_barrier(Barrier& barrier, std::uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)), "r"(arrivals) : "memory");
}
__device__ inline void publish_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
__device__ inline void arrive(Barrier& barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&barrier)) : "memory");
}
/// Arrives, and lets the phase end only after `bytes` have been loaded on it.
__device__ inline void arrive_expecting(Barrier& barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&barrier)), "r"(bytes)
               : "memory");
}
/// Waits for the end of the phase of this parity: 0 for the first phase, then 1, 0, ... Waiting for parity 1 of a
/// barrier in its first phase returns at once.
__device__ inline void wait(Barrier& barrier, std::uint32_t parity) {
  std::uint32_t done = 0;
  while (done == 0) {
    asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}\n"
                 : "=r"(done)
                 : "r"(shared_address(&barrier)), "r"(parity)
                 : "memory");
  }
}

/// Starts loading a box of a tensor of rank 4 at element (c0, c1, c2, c3), c0 along the adjacent dimension, into shared
/// memory; elements outside the tensor become 0, and count among the bytes that arrive on `barrier`.
__device__ inline void load_box(const CUtensorMap& map, void* to, Barrier& barrier, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], "
      "[%2];" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(&barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
__device__ inline void prefetch_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/// A tile for a warpgroup product. `step`: bytes between groups of 8 rows (1024 where rows follow each other). `lead`:
/// for operands stored across, bytes from 64 columns to the next 64. Along the adjacent dimension the address moves by
/// 32 bytes for 16 elements of a k-adjacent tile; along rows by 128 a row, in steps of 8 rows.
__device__ inline std::uint64_t tile_descriptor(std::uint32_t address, std::uint32_t lead, std::uint32_t step) {
  constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62;
  return kSwizzle128 | std::uint64_t{(step >> 4) & 0x3FFFU} << 32 | std::uint64_t{(lead >> 4) & 0x3FFFU} << 16 |
         ((address >> 4) & 0x3FFFU);
}

/// Before the first product, and before one that uses registers that were written since.
__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/// The products started since the last call are one group.
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Until at most kPending groups are under way.
template <int kPending>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
/// Keeps the compiler from moving what touches these registers across this place.
template <int N>
__device__ inline void pin(float (&values)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i) asm volatile("" : "+f"(values[i])::"memory");
}

/// Barriers 1 to 15 of the block among `threads` threads, those that only arrive included.
__device__ inline void named_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ inline void named_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Registers of each thread from here on, by all warps of a warpgroup; a multiple of 8.
template <int kCount>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount));
}
template <int kCount>
__device__ inline void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount));
}

}  // namespace comfystream::backend::cuda::hopper
