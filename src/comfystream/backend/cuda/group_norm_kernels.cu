// SPDX-License-Identifier: Apache-2.0
// GroupNorm (Wu and He 2018): which way it runs, and the one that takes everything.
#include "comfystream/backend/cuda/group_norm.cuh"

namespace comfystream::backend::cuda {
namespace {

constexpr int kThreads = 256;

bool fits_vectors(const GroupNormCall& call) {
  const auto aligned = [](const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; };
  return is_narrow(call.x_type) && call.x_type == call.y_type && aligned(call.x) && aligned(call.y) &&
         call.batch_stride % group_norm::kVector == 0 && call.pixel_stride % group_norm::kVector == 0 &&
         call.channels % group_norm::kVector == 0;
}

template <typename T>
bool launch_narrow(const GroupNormCall& call, GroupNormWay way, cudaStream_t stream) {
  constexpr std::int64_t kLarge = 6 << 20;  // below, two kernels take longer to start than a cluster to meet
  if (!fits_vectors(call)) return false;
  switch (way) {
    case GroupNormWay::kSets:
      return launch_group_norm_cluster<T>(call, stream);
    case GroupNormWay::kFrames:
      return launch_group_norm_frames<T>(call, stream);
    case GroupNormWay::kRows:
      return launch_group_norm_rows<T>(call, stream);
    case GroupNormWay::kByRule:
      break;
  }
  const bool large = call.batch * call.pixels * call.channels * 2 >= kLarge;
  return (large && launch_group_norm_rows<T>(call, stream)) || launch_group_norm_cluster<T>(call, stream);
}

// ---- Two kernels for everything else: partial moments by chunks of pixels, then the normalisation ----

constexpr int kMostChunks = 64;

__host__ __device__ inline long long chunk_count(long long pixels) {
  const long long wanted = (pixels + 127) / 128;
  return wanted < kMostChunks ? wanted : kMostChunks;
}

__device__ float value_at(const GroupNormCall& call, long long n, long long pixel, long long channel) {
  return load(call.x, call.x_type, n * call.batch_stride + pixel * call.pixel_stride + channel) +
         group_norm::shift_of(call, n, static_cast<int>(channel));
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

bool launch_group_norm(const GroupNormCall& call, GroupNormWay way, cudaStream_t stream) {
  const bool taken = call.x_type == DType::kBF16 ? launch_narrow<__nv_bfloat16>(call, way, stream)
                                                 : launch_narrow<__half>(call, way, stream);
  if (taken || way != GroupNormWay::kByRule) return taken;
  const long long chunks = chunk_count(call.pixels);
  const dim3 grid(static_cast<unsigned>(chunks), static_cast<unsigned>(call.groups), static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_moments, grid, kThreads, 0, stream, call, chunks);
  check_launch("group_norm");
  const unsigned blocks = std::min(blocks_for(call.pixels * call.channels, kThreads * 4), 1024U);
  const dim3 apply_grid(blocks, static_cast<unsigned>(call.batch));
  launch_kernel(group_norm_apply, apply_grid, kThreads, static_cast<std::size_t>(call.groups) * 8, stream, call,
                chunks);
  check_launch("group_norm");
  return true;
}

}  // namespace comfystream::backend::cuda
