// SPDX-License-Identifier: Apache-2.0
// GroupNorm (Wu and He 2018), statistics in f32 around a pivot.
#include "comfystream/backend/cuda/device_code.cuh"

#include <algorithm>

#include <cooperative_groups.h>

namespace comfystream::backend::cuda {
namespace {

namespace cg = cooperative_groups;

constexpr int kThreads = 256;
constexpr int kVector = 8;           // elements of 16 bits in 16 bytes
constexpr int kMostGroupsInSet = 8;  // groups that one cluster normalises together
constexpr std::int64_t kMostShared = 200 << 10;

// Four loads at a time of every `step`-th pixel from `first` to `last`: the compiler, not knowing whether there are so
// many, would wait for each before the next. `use(pixel, packed)` takes them in order.
template <typename T, typename Use>
__device__ void for_pixels(const T* x, long long stride, int first, int last, int step, Use use) {
  constexpr int kAtOnce = 4;
  for (int p = first; p < last; p += kAtOnce * step) {
    uint4 packed[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      const int pixel = p + u * step;
      packed[u] = pixel < last ? *reinterpret_cast<const uint4*>(x + pixel * stride) : uint4{};
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      if (p + u * step < last) use(p + u * step, packed[u]);
    }
  }
}

// The channels of a pixel, `offset` away from where their sums count from.
template <typename T>
__device__ void add_from(const uint4& packed, const float (&offset)[kVector], float (&sum)[kVector],
                         float (&squares)[kVector]) {
  const auto* elements = reinterpret_cast<const T*>(&packed);
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    const float value = to_float(elements[v]) + offset[v];
    sum[v] += value;
    squares[v] += value * value;
  }
}

// ---- One kernel: a cluster of blocks holds a set of groups of one frame in shared memory ----

struct ClusterPlan {
  int channels = 0;  // of a set
  int cluster = 0;
  std::int64_t pixels = 0;  // of a block
  std::int64_t shared = 0;
};

std::int64_t shared_bytes(std::int64_t channels, std::int64_t pixels) {
  return pixels * channels * 2 + (kThreads * kVector * 2 + 2 * kMostGroupsInSet * 3) * 4;
}

// cluster == 0: the data does not fit.
ClusterPlan plan_cluster(std::int64_t batch, std::int64_t channels, std::int64_t pixels, std::int64_t groups) {
  ClusterPlan plan;
  const std::int64_t size = channels / groups;
  for (std::int64_t m = 1; m <= std::min<std::int64_t>(groups, kMostGroupsInSet); ++m) {
    if (groups % m == 0 && m * size % kVector == 0 && m * size >= 32) {
      plan.channels = static_cast<int>(m * size);
      break;
    }
  }
  if (plan.channels == 0 || plan.channels / kVector > kThreads) return plan;
  const std::int64_t sets = channels / plan.channels;
  for (const int cluster : {1, 2, 4, 8}) {
    const std::int64_t part = (pixels + cluster - 1) / cluster;
    if (shared_bytes(plan.channels, part) > kMostShared) continue;
    plan.cluster = cluster;
    plan.pixels = part;
    plan.shared = shared_bytes(plan.channels, part);
    const bool fills = batch * sets * cluster >= 256 || part * plan.channels <= 4096;
    if (fills && plan.shared <= (100 << 10)) break;
  }
  return plan;
}

__device__ float shift_of(const GroupNormCall& call, long long n, int channel) {
  return call.shift == nullptr ? 0.0F : load(call.shift, call.shift_type, n * call.shift_stride + channel);
}

// Sums rows of `width` floats into the first, halving their number with all threads at work.
__device__ void fold_rows(float* rows, int width, int count) {
  while (count > 1) {
    const int half = (count + 1) / 2;
    for (int i = static_cast<int>(threadIdx.x); i < (count - half) * width; i += static_cast<int>(blockDim.x)) {
      rows[i] += rows[half * width + i];
    }
    __syncthreads();
    count = half;
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    group_norm_cluster(const __grid_constant__ GroupNormCall call, int set_channels, int part_pixels) {
  await_kernels_in_front();
  extern __shared__ float4 memory[];
  auto* data = reinterpret_cast<uint4*>(memory);
  const int columns = set_channels / kVector;
  auto* sums = reinterpret_cast<float*>(data + static_cast<long long>(part_pixels) * columns);  // [thread][vector][2]
  float* partial = sums + kThreads * kVector * 2;                                               // [group][2]
  float* moments = partial + 2 * kMostGroupsInSet;                                              // [group][2]

  const cg::cluster_group cluster = cg::this_cluster();
  const int blocks = static_cast<int>(cluster.num_blocks());
  const int sets = static_cast<int>(call.channels) / set_channels;
  const int rank = static_cast<int>(cluster.block_rank());
  const int task = static_cast<int>(blockIdx.x) / blocks;
  const long long n = task / sets;
  const int first_channel = task % sets * set_channels;
  const int group_size = static_cast<int>(call.channels / call.groups);
  const int set_groups = set_channels / group_size;
  const int rows = kThreads / columns;
  const int column = static_cast<int>(threadIdx.x) % columns;
  const int row = static_cast<int>(threadIdx.x) / columns;
  const int first = rank * part_pixels;
  const int count = min(part_pixels, static_cast<int>(call.pixels) - first);
  const auto* x = static_cast<const T*>(call.x) + n * call.batch_stride + first_channel + column * kVector;
  const int channel = first_channel + column * kVector;

  float from_pivot[kVector];  // what makes an element the distance from its group's pivot
  float weight[kVector];      // read early: nothing waits for them after the sums
  float bias[kVector];
  float sum[kVector] = {};
  float squares[kVector] = {};
  for (int v = 0; v < kVector; ++v) {
    weight[v] = call.weight[channel + v];
    bias[v] = call.bias[channel + v];
    const int lead = (channel + v) / group_size * group_size;
    const float pivot = to_float(static_cast<const T*>(call.x)[n * call.batch_stride + lead]) + shift_of(call, n, lead);
    from_pivot[v] = shift_of(call, n, channel + v) - pivot;
  }
  if (row < rows) {
    for_pixels(x + first * call.pixel_stride, call.pixel_stride, row, count, rows, [&](int p, const uint4& packed) {
      data[p * columns + column] = packed;
      add_from<T>(packed, from_pivot, sum, squares);
    });
  }
  for (int v = 0; v < kVector; ++v) {
    sums[(threadIdx.x * kVector + v) * 2] = sum[v];
    sums[(threadIdx.x * kVector + v) * 2 + 1] = squares[v];
  }
  __syncthreads();
  // Channel sums over rows of threads, by one thread a channel and moment: halving the rows would need a barrier each.
  for (int i = static_cast<int>(threadIdx.x); i < set_channels * 2; i += kThreads) {
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
    for (int b = 0; b < blocks; ++b) total += cluster.map_shared_rank(partial, b)[threadIdx.x];
    moments[threadIdx.x] = total / static_cast<float>(call.pixels * group_size);
  }
  __syncthreads();
  if (row < rows) {
    float scale[kVector];
    float offset[kVector];
    for (int v = 0; v < kVector; ++v) {
      const int group = (column * kVector + v) / group_size;
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
      for (int v = 0; v < kVector; ++v) {
        const float value = to_float(elements[v]) * scale[v] + offset[v];
        elements[v] = from_float<T>(call.silu ? silu(value) : value);
      }
      *reinterpret_cast<uint4*>(y + static_cast<long long>(first + p) * call.channels) = packed;
    }
  }
  cluster.sync();  // nobody leaves while its sums may still be read
}

template <typename T>
void launch_cluster(const GroupNormCall& call, const ClusterPlan& plan, cudaStream_t stream) {
  check(cudaFuncSetAttribute(group_norm_cluster<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             kMostShared + (16 << 10)),
        "group_norm");
  cudaLaunchConfig_t config{};
  const std::int64_t sets = call.channels / plan.channels;
  config.gridDim = dim3(static_cast<unsigned>(call.batch * sets * plan.cluster));
  config.blockDim = dim3(kThreads);
  config.dynamicSmemBytes = static_cast<std::size_t>(plan.shared);
  config.stream = stream;
  cudaLaunchAttribute attributes[2]{};
  attributes[0].id = cudaLaunchAttributeClusterDimension;
  attributes[0].val.clusterDim = {static_cast<unsigned>(plan.cluster), 1, 1};
  attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[1].val.programmaticStreamSerializationAllowed = 1;
  config.attrs = attributes;
  config.numAttrs = 2;
  check(cudaLaunchKernelEx(&config, group_norm_cluster<T>, call, plan.channels, static_cast<int>(plan.pixels)),
        "starting group_norm");
}

bool fits_vectors(const GroupNormCall& call) {
  const auto aligned = [](const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; };
  return is_narrow(call.x_type) && call.x_type == call.y_type && aligned(call.x) && aligned(call.y) &&
         call.batch_stride % kVector == 0 && call.pixel_stride % kVector == 0 && call.channels % kVector == 0;
}

// ---- Two kernels over whole rows of channels, for megabytes of maps: every access is to adjacent memory, and
// the second reading comes from the cache ----

constexpr int kMostRowThreads = 512;

struct RowPlan {
  int columns = 0;  // threads across a row of channels
  int rows = 0;     // pixels side by side
  int chunks = 0;   // blocks for a frame
  int pixels = 0;   // of a chunk
};

RowPlan plan_rows(const GroupNormCall& call) {
  RowPlan plan;
  plan.columns = static_cast<int>(call.channels / kVector);
  if (plan.columns == 0 || plan.columns > kMostRowThreads) return plan;
  plan.rows = std::max(1, 384 / plan.columns);
  const auto wanted = std::clamp<std::int64_t>(264 / call.batch, 16, 64);
  plan.chunks = static_cast<int>(std::min(wanted, (call.pixels + plan.rows - 1) / plan.rows));
  plan.pixels = static_cast<int>((call.pixels + plan.chunks - 1) / plan.chunks);
  return plan;
}

// What a thread of both kernels works on: eight channels, every rows-th pixel of the chunk.
struct RowTask {
  long long n;
  int channel;
  int first;  // pixel
  int last;
  float shift[kVector];
};

__device__ RowTask row_task(const GroupNormCall& call, const RowPlan& plan) {
  RowTask task;
  const int column = static_cast<int>(threadIdx.x) % plan.columns;
  task.n = blockIdx.y;
  task.channel = column * kVector;
  task.first = static_cast<int>(blockIdx.x) * plan.pixels + static_cast<int>(threadIdx.x) / plan.columns;
  task.last = min((static_cast<int>(blockIdx.x) + 1) * plan.pixels, static_cast<int>(call.pixels));
#pragma unroll
  for (int v = 0; v < kVector; ++v) task.shift[v] = shift_of(call, task.n, task.channel + v);
  return task;
}

template <typename T>
__device__ float pivot_of(const GroupNormCall& call, long long n, int group, int group_size) {
  return to_float(static_cast<const T*>(call.x)[n * call.batch_stride + group * group_size]) +
         shift_of(call, n, group * group_size);
}

// scratch [batch][chunks][groups][2]; shared: [rows][channels][2]
template <typename T>
__global__ void __launch_bounds__(kMostRowThreads)
    group_norm_row_moments(const __grid_constant__ GroupNormCall call, const __grid_constant__ RowPlan plan) {
  await_kernels_in_front();
  extern __shared__ float sums[];
  const RowTask task = row_task(call, plan);
  const int group_size = static_cast<int>(call.channels / call.groups);
  float offset[kVector];
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    offset[v] = task.shift[v] - pivot_of<T>(call, task.n, (task.channel + v) / group_size, group_size);
  }
  float sum[kVector] = {};
  float squares[kVector] = {};
  const auto* x = static_cast<const T*>(call.x) + task.n * call.batch_stride + task.channel;
  for_pixels(x, call.pixel_stride, task.first, task.last, plan.rows,
             [&](int, const uint4& packed) { add_from<T>(packed, offset, sum, squares); });
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    sums[(threadIdx.x * kVector + v) * 2] = sum[v];
    sums[(threadIdx.x * kVector + v) * 2 + 1] = squares[v];
  }
  __syncthreads();
  fold_rows(sums, static_cast<int>(call.channels) * 2, plan.rows);
  float* out = call.scratch + (task.n * gridDim.x + blockIdx.x) * call.groups * 2;
  for (int i = static_cast<int>(threadIdx.x); i < call.groups * 2; i += static_cast<int>(blockDim.x)) {
    float total = 0.0F;
    for (int c = 0; c < group_size; ++c) total += sums[(i / 2 * group_size + c) * 2 + i % 2];
    out[i] = total;
  }
}

// shared: [pairs of threads' partial sums], then [groups][2]
template <typename T>
__global__ void __launch_bounds__(kMostRowThreads)
    group_norm_row_apply(const __grid_constant__ GroupNormCall call, const __grid_constant__ RowPlan plan,
                         int moment_chunks) {
  await_kernels_in_front();
  extern __shared__ float moments[];
  const RowTask task = row_task(call, plan);
  const int group_size = static_cast<int>(call.channels / call.groups);
  const int values = static_cast<int>(call.groups) * 2;
  const float* partial = call.scratch + task.n * moment_chunks * values;
  // As many threads as there are for each value, then one row of sums.
  const int teams = max(1, static_cast<int>(blockDim.x) / values);
  for (int i = static_cast<int>(threadIdx.x); i < teams * values; i += static_cast<int>(blockDim.x)) {
    float total = 0.0F;
#pragma unroll 8
    for (int chunk = i / values; chunk < moment_chunks; chunk += teams) total += partial[chunk * values + i % values];
    moments[i] = total;
  }
  __syncthreads();
  fold_rows(moments, values, teams);
  const auto count = static_cast<float>(call.pixels * group_size);
  float scale[kVector];
  float offset[kVector];
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    const int channel = task.channel + v;
    const int group = channel / group_size;
    const float mean = moments[group * 2] / count;
    const float variance = fmaxf(moments[group * 2 + 1] / count - mean * mean, 0.0F);
    scale[v] = rsqrtf(variance + call.epsilon) * call.weight[channel];
    offset[v] = call.bias[channel] + (task.shift[v] - pivot_of<T>(call, task.n, group, group_size) - mean) * scale[v];
  }
  const auto* x = static_cast<const T*>(call.x) + task.n * call.batch_stride + task.channel;
  auto* y = static_cast<T*>(call.y) + task.n * call.pixels * call.channels + task.channel;
  for_pixels(x, call.pixel_stride, task.first, task.last, plan.rows, [&](int p, uint4 packed) {
    auto* elements = reinterpret_cast<T*>(&packed);
#pragma unroll
    for (int v = 0; v < kVector; ++v) {
      const float value = to_float(elements[v]) * scale[v] + offset[v];
      elements[v] = from_float<T>(call.silu ? silu(value) : value);
    }
    *reinterpret_cast<uint4*>(y + static_cast<long long>(p) * call.channels) = packed;
  });
}

template <typename T>
void launch_rows(const GroupNormCall& call, const RowPlan& plan, cudaStream_t stream) {
  const auto threads = static_cast<unsigned>(plan.columns * plan.rows);
  const dim3 grid(static_cast<unsigned>(plan.chunks), static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_row_moments<T>, grid, threads, threads * kVector * 2 * sizeof(float), stream, call, plan);
  check_launch("group_norm");
  RowPlan apply = plan;
  apply.chunks = static_cast<int>(std::min<std::int64_t>(plan.chunks * 2, (call.pixels + plan.rows - 1) / plan.rows));
  apply.pixels = static_cast<int>((call.pixels + apply.chunks - 1) / apply.chunks);
  const auto shared = (std::max<std::size_t>(threads, static_cast<std::size_t>(call.groups) * 2)) * sizeof(float);
  const dim3 apply_grid(static_cast<unsigned>(apply.chunks), static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_row_apply<T>, apply_grid, threads, shared, stream, call, apply, plan.chunks);
  check_launch("group_norm");
}

// Whether kernels for values of 16 bits took it.
template <typename T>
bool launch_fast(const GroupNormCall& call, cudaStream_t stream) {
  constexpr std::int64_t kLarge = 6 << 20;  // below, two kernels take longer to start than a cluster to meet
  if (!fits_vectors(call)) return false;
  const RowPlan rows = plan_rows(call);
  if (rows.rows > 0 && call.batch * call.pixels * call.channels * 2 >= kLarge) {
    launch_rows<T>(call, rows, stream);
    return true;
  }
  const ClusterPlan plan = plan_cluster(call.batch, call.channels, call.pixels, call.groups);
  if (plan.cluster == 0) return false;
  launch_cluster<T>(call, plan, stream);
  return true;
}

// ---- Two kernels for everything else: partial moments by chunks of pixels, then the normalisation ----

constexpr int kMostChunks = 64;

__host__ __device__ inline long long chunk_count(long long pixels) {
  const long long wanted = (pixels + 127) / 128;
  return wanted < kMostChunks ? wanted : kMostChunks;
}

__device__ float value_at(const GroupNormCall& call, long long n, long long pixel, long long channel) {
  return load(call.x, call.x_type, n * call.batch_stride + pixel * call.pixel_stride + channel) +
         shift_of(call, n, static_cast<int>(channel));
}

// scratch [batch][chunks][groups][2]
__global__ void group_norm_moments(const __grid_constant__ GroupNormCall call, long long chunks) {
  await_kernels_in_front();
  __shared__ float shared[33];
  const long long size = call.channels / call.groups;
  const long long n = blockIdx.z;
  const long long group = blockIdx.y;
  const long long per_chunk = (call.pixels + chunks - 1) / chunks;
  const long long first = blockIdx.x * per_chunk;
  const long long last = min(first + per_chunk, static_cast<long long>(call.pixels));
  const float pivot = value_at(call, n, 0, group * size);
  float sum = 0.0F;
  float squares = 0.0F;
  for (long long i = threadIdx.x; i < (last - first) * size; i += blockDim.x) {
    const float value = value_at(call, n, first + i / size, group * size + i % size) - pivot;
    sum += value;
    squares += value * value;
  }
  sum = block_sum(sum, shared);
  squares = block_sum(squares, shared);
  if (threadIdx.x == 0) {
    float* out = call.scratch + ((n * chunks + blockIdx.x) * call.groups + group) * 2;
    out[0] = sum;
    out[1] = squares;
  }
}

__global__ void group_norm_apply(const __grid_constant__ GroupNormCall call, long long chunks) {
  await_kernels_in_front();
  extern __shared__ float moments[];  // [groups][mean, 1 / deviation]
  const long long size = call.channels / call.groups;
  const long long n = blockIdx.y;
  for (long long group = threadIdx.x; group < call.groups; group += blockDim.x) {
    float sum = 0.0F;
    float squares = 0.0F;
    for (long long c = 0; c < chunks; ++c) {
      const float* part = call.scratch + ((n * chunks + c) * call.groups + group) * 2;
      sum += part[0];
      squares += part[1];
    }
    const auto count = static_cast<float>(size * call.pixels);
    const float mean = sum / count;
    moments[group * 2] = mean + value_at(call, n, 0, group * size);
    moments[group * 2 + 1] = rsqrtf(fmaxf(squares / count - mean * mean, 0.0F) + call.epsilon);
  }
  __syncthreads();
  const long long total = call.pixels * call.channels;
  for (long long i = blockIdx.x * blockDim.x + threadIdx.x; i < total;
       i += static_cast<long long>(gridDim.x) * blockDim.x) {
    const long long channel = i % call.channels;
    const long long group = channel / size;
    float value = (value_at(call, n, i / call.channels, channel) - moments[group * 2]) * moments[group * 2 + 1];
    value = value * call.weight[channel] + call.bias[channel];
    store(call.y, call.y_type, n * total + i, call.silu ? value / (1.0F + expf(-value)) : value);
  }
}

}  // namespace

std::int64_t group_norm_scratch(std::int64_t batch, std::int64_t groups) {
  return batch * kMostChunks * groups * 2 * static_cast<std::int64_t>(sizeof(float));
}

void launch_group_norm(const GroupNormCall& call, cudaStream_t stream) {
  const bool taken =
      call.x_type == DType::kBF16 ? launch_fast<__nv_bfloat16>(call, stream) : launch_fast<__half>(call, stream);
  if (taken) return;
  const long long chunks = chunk_count(call.pixels);
  const dim3 grid(static_cast<unsigned>(chunks), static_cast<unsigned>(call.groups), static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_moments, grid, kThreads, 0, stream, call, chunks);
  check_launch("group_norm");
  const unsigned blocks = std::min(blocks_for(call.pixels * call.channels, kThreads * 4), 1024U);
  const dim3 apply_grid(blocks, static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_apply, apply_grid, kThreads, static_cast<std::size_t>(call.groups) * 8, stream, call,
                chunks);
  check_launch("group_norm");
}

}  // namespace comfystream::backend::cuda
