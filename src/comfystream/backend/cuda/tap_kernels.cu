// SPDX-License-Identifier: Apache-2.0
// Sums of nine maps, each enlarged and shifted by its tap. A thread has eight channels of a column and goes down the
// result's rows. Of every row u of the enlarged maps it adds tap row 0 to the result's row u + 1, tap row 1 to u and
// tap row 2 to u - 1, which is then complete; along a row the three taps' maps are resized first, once for each row of
// the small maps.
#include "comfystream/backend/cuda/bilinear.cuh"
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/hopper.cuh"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kStages = 3;  // rows of taps under way into shared memory
constexpr int kRows = 32;   // of the result, for a block
constexpr int kVector = 8;  // channels of a thread

struct Taps {
  GatherTapsCall call;
  int height, width, out_height, out_width, channels;
  int span;  // columns of the small map that a block may need
};

__device__ Between row_at(const Taps& taps, int u) {
  return between_at(u, taps.height, taps.out_height, taps.call.align_corners);
}
__device__ Between column_at(const Taps& taps, int u) {
  return between_at(u, taps.width, taps.out_width, taps.call.align_corners);
}

template <typename T>
__device__ void add_weighted(float (&sums)[kVector], const uint4& packed, float weight) {
  const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 two = to_floats<T>(words[i]);
    sums[2 * i] += weight * two.x;
    sums[2 * i + 1] += weight * two.y;
  }
}

// What a thread reads of a row of taps: for each tap column two neighbours.
struct Columns {
  int at[3][2];  // elements from the row's begin in shared memory
  float weight[3][2];
};

__device__ Columns columns_of(const Taps& taps, int x, int c, int first, int last) {
  Columns columns;
#pragma unroll
  for (int s = 0; s < 3; ++s) {
    const int u = x + s - 1;
    const bool inside = u >= 0 && u < taps.out_width;
    const Between between = column_at(taps, min(max(u, 0), last));
    columns.at[s][0] = ((between.first - first) * 9 + s) * taps.channels + c;
    columns.at[s][1] = ((between.second - first) * 9 + s) * taps.channels + c;
    columns.weight[s][0] = inside ? between.first_weight : 0.0F;
    columns.weight[s][1] = inside ? between.second_weight : 0.0F;
  }
  return columns;
}

// Rows of taps from `first` to `last`, kStages of them under way.
struct RowLoads {
  const std::byte* from;  // row 0
  std::byte* stages;
  hopper::Barrier* full;
  std::int64_t row_bytes;
  std::uint32_t bytes, stage_bytes;
  int first, last;

  __device__ std::byte* stage(int row) const { return stages + (row - first) % kStages * stage_bytes; }
  __device__ void start(int row) const {
    if (row > last) return;
    hopper::Barrier& barrier = full[(row - first) % kStages];
    hopper::arrive_expecting(barrier, bytes);
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                     hopper::shared_address(stage(row))),
                 "l"(from + row * row_bytes), "r"(bytes), "r"(hopper::shared_address(&barrier))
                 : "memory");
  }
  __device__ void await(int row) const {
    hopper::wait(full[(row - first) % kStages], static_cast<std::uint32_t>((row - first) / kStages) & 1U);
  }
};

// A row of taps, resized along the row: one sum for each tap row.
using Resized = float[3][kVector];

template <typename T>
__device__ void resize_along(const T* row, const Columns& columns, int channels, Resized& to) {
#pragma unroll
  for (int r = 0; r < 3; ++r) {
#pragma unroll
    for (int v = 0; v < kVector; ++v) to[r][v] = 0.0F;
#pragma unroll
    for (int s = 0; s < 3; ++s) {
#pragma unroll
      for (int b = 0; b < 2; ++b) {
        add_weighted<T>(to[r], *reinterpret_cast<const uint4*>(row + 3 * r * channels + columns.at[s][b]),
                        columns.weight[s][b]);
      }
    }
  }
}

__device__ float sum_of_head(const GatherTapsCall& call, const float (&sums)[kVector], int c) {
  float dot = 0.0F;
#pragma unroll
  for (int v = 0; v < kVector; ++v) dot += sums[v] * call.head[c + v];
  for (int step = static_cast<int>(call.channels) / (2 * kVector); step > 0; step /= 2) {
    dot += __shfl_xor_sync(0xFFFFFFFFU, dot, step);
  }
  if (call.head_bias != nullptr) dot += *call.head_bias;
  return call.head_relu ? fmaxf(dot, 0.0F) : dot;
}

template <typename T, bool kHead>
__device__ void write(const Taps& taps, float (&sums)[kVector], int y, int x, int c) {
  const GatherTapsCall& call = taps.call;
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
    if (call.bias != nullptr) sums[v] += call.bias[c + v];
    if (call.relu) sums[v] = fmaxf(sums[v], 0.0F);
  }
  const long long pixel = (static_cast<long long>(blockIdx.z) * taps.out_height + y) * taps.out_width + x;
  if constexpr (kHead) {
    const float dot = sum_of_head(call, sums, c);
    if (x < taps.out_width && c == 0) store(call.y, call.y_type, pixel, dot);
  } else {
    uint4 packed;
#pragma unroll
    for (int v = 0; v < kVector; ++v) reinterpret_cast<T*>(&packed)[v] = from_float<T>(sums[v]);
    if (x < taps.out_width) *reinterpret_cast<uint4*>(static_cast<T*>(call.y) + pixel * taps.channels + c) = packed;
  }
}

template <typename T, bool kHead>
__global__ void __launch_bounds__(kThreads, 4) gather_taps(const __grid_constant__ Taps taps) {
  await_kernels_in_front();
  extern __shared__ __align__(128) std::byte shared[];
  __shared__ hopper::Barrier full[kStages];
  const int thread = static_cast<int>(threadIdx.x);
  const int vectors = taps.channels / kVector;
  const int width = kThreads / vectors;
  const int x0 = static_cast<int>(blockIdx.x) * width;
  const int x = x0 + thread / vectors;
  const int c = thread % vectors * kVector;
  const int begin = static_cast<int>(blockIdx.y) * kRows;
  const int end = min(begin + kRows, taps.out_height);
  const int last_column = min(x0 + width, taps.out_width - 1);
  const int first = column_at(taps, max(x0 - 1, 0)).first;
  const Columns columns = columns_of(taps, x, c, first, last_column);
  const std::int64_t pixel = 9 * taps.channels * static_cast<std::int64_t>(sizeof(T));
  RowLoads loads{};
  loads.row_bytes = taps.width * pixel;
  loads.from =
      static_cast<const std::byte*>(taps.call.taps) + blockIdx.z * taps.height * loads.row_bytes + first * pixel;
  loads.stages = shared;
  loads.full = full;
  loads.bytes = static_cast<std::uint32_t>((column_at(taps, last_column).second - first + 1) * pixel);
  loads.stage_bytes = static_cast<std::uint32_t>(taps.span * pixel);
  loads.first = row_at(taps, max(begin - 1, 0)).first;
  loads.last = row_at(taps, min(end, taps.out_height - 1)).second;
  if (thread == 0) {
    for (auto& barrier : full) hopper::make_barrier(barrier, 1);
    hopper::publish_barriers();
    for (int row = loads.first; row < loads.first + kStages; ++row) loads.start(row);
  }
  __syncthreads();
  int taken = loads.first;  // the next row
  Resized upper, lower = {};
  float now[kVector] = {};   // of row u
  float next[kVector] = {};  // of row u + 1
  const auto take = [&] {
    loads.await(taken);
#pragma unroll
    for (int r = 0; r < 3; ++r) {
#pragma unroll
      for (int v = 0; v < kVector; ++v) upper[r][v] = lower[r][v];
    }
    resize_along(reinterpret_cast<const T*>(loads.stage(taken)), columns, taps.channels, lower);
    __syncthreads();
    if (thread == 0) loads.start(taken + kStages);
    ++taken;
  };
  take();
  for (int u = begin - 1; u <= end; ++u) {
    float upper_weight = 0.0F;
    float lower_weight = 0.0F;
    if (u >= 0 && u < taps.out_height) {
      const Between between = row_at(taps, u);
      while (taken <= between.second) take();
      const bool at_end = between.first == between.second;  // both are the last row
      upper_weight = at_end ? 0.0F : between.first_weight;
      lower_weight = at_end ? between.first_weight + between.second_weight : between.second_weight;
    }
    float done[kVector];  // row u - 1
#pragma unroll
    for (int v = 0; v < kVector; ++v) {
      done[v] = now[v] + upper_weight * upper[2][v] + lower_weight * lower[2][v];
      now[v] = next[v] + upper_weight * upper[1][v] + lower_weight * lower[1][v];
      next[v] = upper_weight * upper[0][v] + lower_weight * lower[0][v];
    }
    if (u > begin) write<T, kHead>(taps, done, u - 1, x, c);
  }
}

template <typename T, bool kHead>
void start(const Taps& taps, cudaStream_t stream) {
  const int width = kThreads / (taps.channels / kVector);
  const int shared = kStages * taps.span * 9 * taps.channels * static_cast<int>(sizeof(T));
  check(cudaFuncSetAttribute(gather_taps<T, kHead>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared),
        "gather_taps");
  const dim3 grid(blocks_for(taps.out_width, width), blocks_for(taps.out_height, kRows),
                  static_cast<unsigned>(taps.call.batch));
  launch_kernel(gather_taps<T, kHead>, grid, kThreads, static_cast<std::size_t>(shared), stream, taps);
}

}  // namespace

void launch_gather_taps(const GatherTapsCall& call, cudaStream_t stream) {
  Taps taps{call, 0, 0, 0, 0, 0, 0};
  taps.height = static_cast<int>(call.height);
  taps.width = static_cast<int>(call.width);
  taps.out_height = static_cast<int>(call.out_height);
  taps.out_width = static_cast<int>(call.out_width);
  taps.channels = static_cast<int>(call.channels);
  const int columns = kThreads / (taps.channels / kVector) + 1;  // steps between those that a block needs
  taps.span = std::min(columns * taps.width / taps.out_width + 4, taps.width);
  const bool head = call.head != nullptr;
  if (call.type == DType::kBF16) {
    head ? start<__nv_bfloat16, true>(taps, stream) : start<__nv_bfloat16, false>(taps, stream);
  } else {
    head ? start<__half, true>(taps, stream) : start<__half, false>(taps, stream);
  }
  check_launch("gather_taps");
}

}  // namespace comfystream::backend::cuda
