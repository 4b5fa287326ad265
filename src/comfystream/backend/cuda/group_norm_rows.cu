// SPDX-License-Identifier: Apache-2.0
// GroupNorm in two kernels over whole rows of channels: every access is to adjacent memory, and the second reading
// comes from the cache.
#include "comfystream/backend/cuda/group_norm.cuh"

namespace comfystream::backend::cuda {
namespace {

constexpr int kMostRowThreads = 512;

struct RowPlan {
  int columns = 0;  // threads across a row of channels
  int rows = 0;     // pixels side by side
  int chunks = 0;   // blocks for a frame
  int pixels = 0;   // of a chunk
};

RowPlan plan_rows(const GroupNormCall& call) {
  RowPlan plan;
  plan.columns = static_cast<int>(call.channels / group_norm::kVector);
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
  float shift[group_norm::kVector];
};

__device__ RowTask row_task(const GroupNormCall& call, const RowPlan& plan) {
  RowTask task;
  const int column = static_cast<int>(threadIdx.x) % plan.columns;
  task.n = blockIdx.y;
  task.channel = column * group_norm::kVector;
  task.first = static_cast<int>(blockIdx.x) * plan.pixels + static_cast<int>(threadIdx.x) / plan.columns;
  task.last = min((static_cast<int>(blockIdx.x) + 1) * plan.pixels, static_cast<int>(call.pixels));
#pragma unroll
  for (int v = 0; v < group_norm::kVector; ++v) task.shift[v] = group_norm::shift_of(call, task.n, task.channel + v);
  return task;
}

template <typename T>
__device__ float pivot_of(const GroupNormCall& call, long long n, int group, int group_size) {
  return to_float(static_cast<const T*>(call.x)[n * call.batch_stride + group * group_size]) +
         group_norm::shift_of(call, n, group * group_size);
}

// scratch [batch][chunks][groups][2]; shared: [rows][channels][2]
template <typename T>
__global__ void __launch_bounds__(kMostRowThreads)
    group_norm_row_moments(const __grid_constant__ GroupNormCall call, const __grid_constant__ RowPlan plan) {
  await_kernels_in_front();
  extern __shared__ float sums[];
  const RowTask task = row_task(call, plan);
  const int group_size = static_cast<int>(call.channels / call.groups);
  float offset[group_norm::kVector];
#pragma unroll
  for (int v = 0; v < group_norm::kVector; ++v) {
    offset[v] = task.shift[v] - pivot_of<T>(call, task.n, (task.channel + v) / group_size, group_size);
  }
  float sum[group_norm::kVector] = {};
  float squares[group_norm::kVector] = {};
  const auto* x = static_cast<const T*>(call.x) + task.n * call.batch_stride + task.channel;
  group_norm::for_pixels(x, call.pixel_stride, task.first, task.last, plan.rows,
                         [&](int, const uint4& packed) { group_norm::add_from<T>(packed, offset, sum, squares); });
#pragma unroll
  for (int v = 0; v < group_norm::kVector; ++v) {
    sums[(threadIdx.x * group_norm::kVector + v) * 2] = sum[v];
    sums[(threadIdx.x * group_norm::kVector + v) * 2 + 1] = squares[v];
  }
  __syncthreads();
  group_norm::fold_rows(sums, static_cast<int>(call.channels) * 2, plan.rows);
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
  group_norm::fold_rows(moments, values, teams);
  const auto count = static_cast<float>(call.pixels * group_size);
  float scale[group_norm::kVector];
  float offset[group_norm::kVector];
#pragma unroll
  for (int v = 0; v < group_norm::kVector; ++v) {
    const int channel = task.channel + v;
    const int group = channel / group_size;
    const float mean = moments[group * 2] / count;
    const float variance = fmaxf(moments[group * 2 + 1] / count - mean * mean, 0.0F);
    scale[v] = rsqrtf(variance + call.epsilon) * call.weight[channel];
    offset[v] = call.bias[channel] + (task.shift[v] - pivot_of<T>(call, task.n, group, group_size) - mean) * scale[v];
  }
  const auto* x = static_cast<const T*>(call.x) + task.n * call.batch_stride + task.channel;
  auto* y = static_cast<T*>(call.y) + task.n * call.pixels * call.channels + task.channel;
  group_norm::for_pixels(x, call.pixel_stride, task.first, task.last, plan.rows, [&](int p, uint4 packed) {
    auto* elements = reinterpret_cast<T*>(&packed);
#pragma unroll
    for (int v = 0; v < group_norm::kVector; ++v) {
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
  launch_kernel(group_norm_row_moments<T>, grid, threads, threads * group_norm::kVector * 2 * sizeof(float), stream,
                call, plan);
  check_launch("group_norm");
  RowPlan apply = plan;
  apply.chunks = static_cast<int>(std::min<std::int64_t>(plan.chunks * 2, (call.pixels + plan.rows - 1) / plan.rows));
  apply.pixels = static_cast<int>((call.pixels + apply.chunks - 1) / apply.chunks);
  const auto shared = (std::max<std::size_t>(threads, static_cast<std::size_t>(call.groups) * 2)) * sizeof(float);
  const dim3 apply_grid(static_cast<unsigned>(apply.chunks), static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_row_apply<T>, apply_grid, threads, shared, stream, call, apply, plan.chunks);
  check_launch("group_norm");
}

}  // namespace

template <typename T>
bool launch_group_norm_rows(const GroupNormCall& call, cudaStream_t stream) {
  const RowPlan plan = plan_rows(call);
  if (plan.rows == 0) return false;
  launch_rows<T>(call, plan, stream);
  return true;
}
template bool launch_group_norm_rows<__half>(const GroupNormCall&, cudaStream_t);
template bool launch_group_norm_rows<__nv_bfloat16>(const GroupNormCall&, cudaStream_t);

}  // namespace comfystream::backend::cuda
