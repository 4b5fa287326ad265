// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/hopper_attention.cuh"
#include "comfystream/backend/cuda/hopper_attention.hpp"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/tensor_map.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

namespace comfystream::backend::cuda {
namespace {

using hopper::AttentionConfig;
using hopper::AttentionWork;

using LaunchWay = void (*)(const AttentionProblem&, const AttentionPointers&, cudaStream_t);

CUtensorMap map_of(const void* data, DType type, const Dims& dims, const Dims& strides, int rows) {
  return make_tensor_map({data,
                          type,
                          {dims[3], dims[1], dims[2], dims[0]},
                          {strides[1], strides[2], strides[0]},
                          {64, 1, static_cast<std::uint32_t>(rows), 1}});
}

template <class C>
void launch(const AttentionProblem& p, const AttentionPointers& pointers, cudaStream_t stream) {
  AttentionWork work{};
  work.y = pointers.y;
  work.y_batch = p.y_strides[0];
  work.y_head = p.y_strides[1];
  work.y_token = p.y_strides[2];
  work.heads = static_cast<int>(p.q[1]);
  work.queries = static_cast<int>(p.q[2]);
  work.keys = static_cast<int>(p.k[2]);
  work.row_tiles = (work.queries + C::kRows - 1) / C::kRows;
  work.tiles = work.row_tiles * work.heads * static_cast<int>(p.q[0]);
  work.scale_log2 = p.scale * std::numbers::log2e_v<float>;
  check(cudaFuncSetAttribute(hopper::attention_kernel<C>, cudaFuncAttributeMaxDynamicSharedMemorySize, C::kSharedBytes),
        "preparing attention");
  const int blocks = std::min(work.tiles, count_multiprocessors());
  launch_kernel(hopper::attention_kernel<C>, dim3(static_cast<unsigned>(blocks)), C::kThreads, C::kSharedBytes, stream,
                map_of(pointers.q, p.type, p.q, p.q_strides, 64),
                map_of(pointers.k, p.type, p.k, p.k_strides, C::kKeys),
                map_of(pointers.v, p.type, p.v, p.v_strides, C::kKeys), work);
  check_launch("attention");
}

// For each head size and type, the best for many keys first. Large tiles of queries suit many of them, more warpgroups
// few keys. Measured on an H200; docs/performance.md tells what else was.
template <typename T>
std::span<const LaunchWay> ways_of(std::int64_t size) {
  static constexpr LaunchWay k40[] = {launch<AttentionConfig<T, 40, 128, 3, 4, false>>,
                                      launch<AttentionConfig<T, 40, 80, 4, 4, false>>};
  static constexpr LaunchWay k64[] = {launch<AttentionConfig<T, 64, 128, 3, 4, false>>};
  static constexpr LaunchWay k80[] = {launch<AttentionConfig<T, 80, 128, 2, 2, true>>,
                                      launch<AttentionConfig<T, 80, 80, 3, 4, true>>};
  if (size == 40) return k40;
  if (size == 64) return k64;
  if (size == 80) return k80;
  return {};
}

std::span<const LaunchWay> ways_of(const AttentionProblem& p) {
  return p.type == DType::kBF16 ? ways_of<__nv_bfloat16>(p.q[3]) : ways_of<__half>(p.q[3]);
}

}  // namespace

int hopper_attention_ways(const AttentionProblem& p) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;  // the kernel counts in 32 bits
  const bool suits = !p.causal && p.scale > 0.0F && is_narrow(p.type) && p.v[3] == p.q[3] && p.k[2] > 0 &&
                     p.q[0] * p.q[1] * (p.q[2] + 64) < kMost && p.k[2] < kMost;
  return suits && runs_hopper_kernels() ? static_cast<int>(ways_of(p).size()) : 0;
}

void launch_hopper_attention(const AttentionProblem& problem, int way, const AttentionPointers& pointers,
                             cudaStream_t stream) {
  ways_of(problem)[static_cast<std::size_t>(way)](problem, pointers, stream);
}

}  // namespace comfystream::backend::cuda
