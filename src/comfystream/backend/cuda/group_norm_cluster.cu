// SPDX-License-Identifier: Apache-2.0
// GroupNorm in one kernel: a cluster of blocks holds a set of groups of one frame, or all of them, in shared memory.
#include "comfystream/backend/cuda/group_norm.cuh"

#include <cooperative_groups.h>

namespace comfystream::backend::cuda {

namespace {

namespace cg = cooperative_groups;

constexpr int kThreads = 256;
constexpr int kMostGroupsInSet = 8;  // groups that one cluster normalises together
constexpr std::int64_t kMostShared = 200 << 10;

constexpr int kFrameBlocks = 16;
constexpr int kFrameThreads = 640;  // 16 pixels of 320 channels side by side
constexpr int kMostGroups = 32;
constexpr std::int64_t kMostFrameShared = 227 << 10;

struct ClusterPlan {
  int channels = 0;  // of a set
  int cluster = 0;
  int threads = kThreads;
  std::int64_t pixels = 0;  // of a block
  std::int64_t shared = 0;
};

std::int64_t shared_bytes(std::int64_t channels, std::int64_t pixels, std::int64_t threads) {
  return pixels * channels * 2 + (threads * group_norm::kVector * 2 + 2 * kMostGroups * 2) * 4;
}

// cluster == 0: the data does not fit.
ClusterPlan plan_cluster(std::int64_t batch, std::int64_t channels, std::int64_t pixels, std::int64_t groups) {
  ClusterPlan plan;
  const std::int64_t size = channels / groups;
  for (std::int64_t m = 1; m <= std::min<std::int64_t>(groups, kMostGroupsInSet); ++m) {
    if (groups % m == 0 && m * size % group_norm::kVector == 0 && m * size >= 32) {
      plan.channels = static_cast<int>(m * size);
      break;
    }
  }
  if (plan.channels == 0 || plan.channels / group_norm::kVector > kThreads) return plan;
  const std::int64_t sets = channels / plan.channels;
  for (const int cluster : {1, 2, 4, 8}) {
    const std::int64_t part = (pixels + cluster - 1) / cluster;
    if (shared_bytes(plan.channels, part, kThreads) > kMostShared) continue;
    plan.cluster = cluster;
    plan.pixels = part;
    plan.shared = shared_bytes(plan.channels, part, kThreads);
    const bool fills = batch * sets * cluster >= 256 || part * plan.channels <= 4096;
    if (fills && plan.shared <= (100 << 10)) break;
  }
  return plan;
}

// cluster == 0: likewise.
ClusterPlan plan_frames(const GroupNormCall& call) {
  ClusterPlan plan;
  if (call.groups > kMostGroups || call.channels / group_norm::kVector > kFrameThreads) return plan;
  plan.channels = static_cast<int>(call.channels);
  plan.threads = kFrameThreads;
  plan.pixels = (call.pixels + kFrameBlocks - 1) / kFrameBlocks;
  plan.shared = shared_bytes(call.channels, plan.pixels, kFrameThreads);
  if (plan.shared <= kMostFrameShared) plan.cluster = kFrameBlocks;
  return plan;
}

template <typename T>
__global__ void __launch_bounds__(kFrameThreads)
    group_norm_cluster(const __grid_constant__ GroupNormCall call, int set_channels, int part_pixels) {
  await_kernels_in_front();
  extern __shared__ float4 memory[];
  auto* data = reinterpret_cast<uint4*>(memory);
  const int columns = set_channels / group_norm::kVector;
  auto* sums = reinterpret_cast<float*>(data + static_cast<long long>(part_pixels) * columns);  // [thread][vector][2]
  float* partial = sums + blockDim.x * group_norm::kVector * 2;                                 // [group][2]
  float* moments = partial + 2 * kMostGroups;                                                   // [group][2]

  const cg::cluster_group cluster = cg::this_cluster();
  const int blocks = static_cast<int>(cluster.num_blocks());
  const int sets = static_cast<int>(call.channels) / set_channels;
  const int rank = static_cast<int>(cluster.block_rank());
  const int task = static_cast<int>(blockIdx.x) / blocks;
  const long long n = task / sets;
  const int first_channel = task % sets * set_channels;
  const int group_size = static_cast<int>(call.channels / call.groups);
  const int set_groups = set_channels / group_size;
  const int rows = static_cast<int>(blockDim.x) / columns;
  const int column = static_cast<int>(threadIdx.x) % columns;
  const int row = static_cast<int>(threadIdx.x) / columns;
  const int first = rank * part_pixels;
  const int count = min(part_pixels, static_cast<int>(call.pixels) - first);
  const auto* x = static_cast<const T*>(call.x) + n * call.batch_stride + first_channel + column * group_norm::kVector;
  const int channel = first_channel + column * group_norm::kVector;

  float from_pivot[group_norm::kVector];  // what makes an element the distance from its group's pivot
  float weight[group_norm::kVector];      // read early: nothing waits for them after the sums
  float bias[group_norm::kVector];
  float sum[group_norm::kVector] = {};
  float squares[group_norm::kVector] = {};
  for (int v = 0; v < group_norm::kVector; ++v) {
    weight[v] = call.weight[channel + v];
    bias[v] = call.bias[channel + v];
    const int lead = (channel + v) / group_size * group_size;
    const float pivot =
        to_float(static_cast<const T*>(call.x)[n * call.batch_stride + lead]) + group_norm::shift_of(call, n, lead);
    from_pivot[v] = group_norm::shift_of(call, n, channel + v) - pivot;
  }
  if (row < rows) {
    group_norm::for_pixels(x + first * call.pixel_stride, call.pixel_stride, row, count, rows,
                           [&](int p, const uint4& packed) {
                             data[p * columns + column] = packed;
                             group_norm::add_from<T>(packed, from_pivot, sum, squares);
                           });
  }
  for (int v = 0; v < group_norm::kVector; ++v) {
    sums[(threadIdx.x * group_norm::kVector + v) * 2] = sum[v];
    sums[(threadIdx.x * group_norm::kVector + v) * 2 + 1] = squares[v];
  }
  __syncthreads();
  // Channel sums over rows of threads, by one thread a channel and moment: halving the rows would need a barrier each.
  for (int i = static_cast<int>(threadIdx.x); i < set_channels * 2; i += static_cast<int>(blockDim.x)) {
    float total = 0.0F;
#pragma unroll 8
    for (int r = 0; r < min(rows, count); ++r) total += sums[r * set_channels * 2 + i];
    sums[i] = total;  // row 0's own element: read by this thread alone
  }
  __syncthreads();
  if (threadIdx.x < set_groups * 2) {
    float total = 0.0F;
    const int group = static_cast<int>(threadIdx.x) / 2;
    for (int c = 0; c < group_size; ++c) total += sums[(group * group_size + c) * 2 + threadIdx.x % 2];
    partial[threadIdx.x] = total;
  }
  cluster.sync();
  if (threadIdx.x < set_groups * 2) {
    float total = 0.0F;
#pragma unroll 8
    for (int b = 0; b < blocks; ++b) total += cluster.map_shared_rank(partial, b)[threadIdx.x];
    moments[threadIdx.x] = total / static_cast<float>(call.pixels * group_size);
  }
  __syncthreads();
  if (row < rows) {
    float scale[group_norm::kVector];
    float offset[group_norm::kVector];
    for (int v = 0; v < group_norm::kVector; ++v) {
      const int group = (column * group_norm::kVector + v) / group_size;
      const float mean = moments[group * 2];
      const float variance = fmaxf(moments[group * 2 + 1] - mean * mean, 0.0F);
      scale[v] = rsqrtf(variance + call.epsilon) * weight[v];
      offset[v] = bias[v] + (from_pivot[v] - mean) * scale[v];
    }
    auto* y = static_cast<T*>(call.y) + n * call.pixels * call.channels + channel;
#pragma unroll 4
    for (int p = row; p < count; p += rows) {
      uint4 packed = data[p * columns + column];
      auto* elements = reinterpret_cast<T*>(&packed);
#pragma unroll
      for (int v = 0; v < group_norm::kVector; ++v) {
        const float value = to_float(elements[v]) * scale[v] + offset[v];
        elements[v] = from_float<T>(call.silu ? silu(value) : value);
      }
      *reinterpret_cast<uint4*>(y + static_cast<long long>(first + p) * call.channels) = packed;
    }
  }
  cluster.sync();  // nobody leaves while its sums may still be read
}

// False, and nothing started, where the card cannot run as many clusters of this size at once.
template <typename T>
bool launch_cluster(const GroupNormCall& call, const ClusterPlan& plan, cudaStream_t stream) {
  if (plan.cluster == 0) return false;
  const auto kernel = group_norm_cluster<T>;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMostFrameShared), "group_norm");
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1), "group_norm");
  cudaLaunchConfig_t config{};
  const std::int64_t sets = call.channels / plan.channels;
  config.gridDim = dim3(static_cast<unsigned>(call.batch * sets * plan.cluster));
  config.blockDim = dim3(static_cast<unsigned>(plan.threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(plan.shared);
  config.stream = stream;
  cudaLaunchAttribute attributes[2]{};
  attributes[0].id = cudaLaunchAttributeClusterDimension;
  attributes[0].val.clusterDim = {static_cast<unsigned>(plan.cluster), 1, 1};
  attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[1].val.programmaticStreamSerializationAllowed = 1;
  config.attrs = attributes;
  config.numAttrs = 2;
  if (plan.cluster == kFrameBlocks) {
    int clusters = 0;
    check(cudaOccupancyMaxActiveClusters(&clusters, kernel, &config), "group_norm");
    if (clusters < std::min<std::int64_t>(call.batch, 8)) return false;
  }
  check(cudaLaunchKernelEx(&config, kernel, call, plan.channels, static_cast<int>(plan.pixels)), "starting group_norm");
  return true;
}

}  // namespace

template <typename T>
bool launch_group_norm_cluster(const GroupNormCall& call, cudaStream_t stream) {
  return launch_cluster<T>(call, plan_cluster(call.batch, call.channels, call.pixels, call.groups), stream);
}
template bool launch_group_norm_cluster<__half>(const GroupNormCall&, cudaStream_t);
template bool launch_group_norm_cluster<__nv_bfloat16>(const GroupNormCall&, cudaStream_t);

template <typename T>
bool launch_group_norm_frames(const GroupNormCall& call, cudaStream_t stream) {
  return launch_cluster<T>(call, plan_frames(call), stream);
}
template bool launch_group_norm_frames<__half>(const GroupNormCall&, cudaStream_t);
template bool launch_group_norm_frames<__nv_bfloat16>(const GroupNormCall&, cudaStream_t);

}  // namespace comfystream::backend::cuda
