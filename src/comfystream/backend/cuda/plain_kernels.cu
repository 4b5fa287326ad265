// SPDX-License-Identifier: Apache-2.0
// Kernels for any size and layout, one thread or block an element: for what is small, rare or outside the libraries.
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/error.hpp"

#include <algorithm>
#include <cfloat>

namespace comfystream::backend::cuda {
namespace {

using graph::PadMode;
using graph::ReduceKind;

constexpr int kThreads = 256;

__host__ __device__ inline long long elements(const Strided& t) {
  return t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3] * t.dims[4];
}

__device__ void position_of(long long i, const Strided& t, long long* position) {
  for (int axis = 4; axis >= 0; --axis) {
    position[axis] = i % t.dims[axis];
    i /= t.dims[axis];
  }
}

__device__ long long offset_of(const Strided& t, const long long* position) {
  long long offset = 0;
  for (int axis = 0; axis < 5; ++axis) offset += position[axis] * t.strides[axis];
  return offset;
}

template <typename T>
__global__ void pad(const __grid_constant__ PadCall call, long long count) {
  await_kernels_in_front();
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  long long to[5];
  position_of(i, call.y, to);
  long long from[5];
  bool inside = true;
  for (int axis = 0; axis < 5; ++axis) {
    const long long size = call.x.dims[axis];
    long long at = to[axis] - call.before[axis];
    if (call.mode == PadMode::kReplicate) at = min(max(at, 0LL), size - 1);
    if (call.mode == PadMode::kReflect) at = at < 0 ? -at : (at >= size ? 2 * (size - 1) - at : at);
    inside = inside && at >= 0 && at < size;
    from[axis] = at;
  }
  T value = static_cast<T>(call.fill);
  if (inside) value = static_cast<const T*>(call.x.data)[offset_of(call.x, from)];
  static_cast<T*>(call.y.data)[offset_of(call.y, to)] = value;
}

template <typename T>
__device__ T fold(ReduceKind kind, T a, T b) {
  if (kind == ReduceKind::kMin) return b < a || b != b ? b : a;
  if (kind == ReduceKind::kMax) return b > a || b != b ? b : a;
  return a + b;
}

template <typename T>
__device__ T element(const Strided& x, long long at) {
  return static_cast<const T*>(x.data)[at];
}
template <>
__device__ float element<float>(const Strided& x, long long at) {
  return load(x.data, x.dtype, at);
}

template <typename T>
__device__ T fold_warp(ReduceKind kind, T state) {
  for (int step = 16; step > 0; step /= 2) state = fold(kind, state, __shfl_xor_sync(0xFFFFFFFFU, state, step));
  return state;
}

// One block folds one result; partial results meet in a fixed order.
template <typename T>
__global__ void __launch_bounds__(kThreads) reduce(const __grid_constant__ Strided x, ReduceKind kind, T* y) {
  await_kernels_in_front();
  __shared__ T shared[kThreads / 32];
  const long long base = blockIdx.x * x.strides[0] + blockIdx.y * x.strides[1];
  const bool picks = kind == ReduceKind::kMin || kind == ReduceKind::kMax;
  T state = picks ? element<T>(x, base) : T{};
  const int count = static_cast<int>(x.dims[4]);
  const int stride = static_cast<int>(x.strides[4]);
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    state = fold(kind, state, element<T>(x, base + static_cast<long long>(i) * stride));
  }
  state = fold_warp(kind, state);
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = state;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < kThreads / 32; ++i) state = fold(kind, state, shared[i]);
  if constexpr (sizeof(T) == sizeof(float)) {
    if (kind == ReduceKind::kMean) state = static_cast<T>(static_cast<float>(state) / static_cast<float>(count));
  }
  y[blockIdx.x * x.dims[1] + blockIdx.y] = state;
}

__global__ void softmax(const __grid_constant__ Strided x, const __grid_constant__ Strided y) {
  await_kernels_in_front();
  __shared__ float shared[33];
  long long position[5];
  long long row = blockIdx.x;
  position[4] = 0;
  for (int axis = 3; axis >= 0; --axis) {
    position[axis] = row % x.dims[axis];
    row /= x.dims[axis];
  }
  const long long from = offset_of(x, position);
  const long long to = offset_of(y, position);
  float largest = -INFINITY;
  for (long long i = threadIdx.x; i < x.dims[4]; i += blockDim.x) {
    largest = fmaxf(largest, load(x.data, x.dtype, from + i * x.strides[4]));
  }
  for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFU, largest, step));
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = largest;
  __syncthreads();
  for (int i = 0; i < (blockDim.x + 31) / 32; ++i) largest = fmaxf(largest, shared[i]);
  float sum = 0.0F;
  for (long long i = threadIdx.x; i < x.dims[4]; i += blockDim.x) {
    sum += expf(load(x.data, x.dtype, from + i * x.strides[4]) - largest);
  }
  sum = block_sum(sum, shared);
  for (long long i = threadIdx.x; i < x.dims[4]; i += blockDim.x) {
    store(y.data, y.dtype, to + i * y.strides[4], expf(load(x.data, x.dtype, from + i * x.strides[4]) - largest) / sum);
  }
}

template <typename Index>
__global__ void embedding(const Index* indices, long long count, const unsigned char* table, long long rows,
                          long long row_bytes, unsigned char* y) {
  await_kernels_in_front();
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count * row_bytes) return;
  const long long row = min(max(static_cast<long long>(indices[i / row_bytes]), 0LL), rows - 1);
  y[i] = table[row * row_bytes + i % row_bytes];
}

__global__ void timestep_embedding(const float* t, long long t_stride, const float* frequencies, long long rows,
                                   long long dim, bool cosines_first, float* y) {
  await_kernels_in_front();
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= rows * dim) return;
  const long long half = dim / 2;
  const long long column = i % dim;
  if (column >= 2 * half) {
    y[i] = 0.0F;
    return;
  }
  const float angle = __fmul_rn(t[i / dim * t_stride], frequencies[column % half]);
  y[i] = (column < half) == cosines_first ? cosf(angle) : sinf(angle);
}

struct ConvCall {
  Strided x, y;
  const float* weight;
  const float* bias;
  long long r, s;
  graph::Conv2dAttrs attrs;
};

__global__ void plain_conv(const __grid_constant__ ConvCall call, long long count) {
  await_kernels_in_front();
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  long long to[5];
  position_of(i, call.y, to);
  const auto& a = call.attrs;
  const long long group_in = call.x.dims[1] / a.groups;
  const long long group_out = call.y.dims[1] / a.groups;
  const long long first = to[1] / group_out * group_in;
  float sum = 0.0F;
  for (long long c = 0; c < group_in; ++c) {
    for (long long ky = 0; ky < call.r; ++ky) {
      const long long h = to[2] * a.stride_h - a.pad_top + ky * a.dilation_h;
      if (h < 0 || h >= call.x.dims[2]) continue;
      for (long long kx = 0; kx < call.s; ++kx) {
        const long long w = to[3] * a.stride_w - a.pad_left + kx * a.dilation_w;
        if (w < 0 || w >= call.x.dims[3]) continue;
        const long long from[5] = {to[0], first + c, h, w, 0};
        sum += load(call.x.data, call.x.dtype, offset_of(call.x, from)) *
               call.weight[((to[1] * group_in + c) * call.r + ky) * call.s + kx];
      }
    }
  }
  if (call.bias != nullptr) sum += call.bias[to[1]];
  store(call.y.data, call.y.dtype, offset_of(call.y, to), sum);
}

struct ConvTransposeCall {
  Strided x, y;
  const float* weight;
  const float* bias;
  long long r, s;
  graph::ConvTranspose2dAttrs attrs;
};

__global__ void plain_conv_transpose(const __grid_constant__ ConvTransposeCall call, long long count) {
  await_kernels_in_front();
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  long long to[5];
  position_of(i, call.y, to);
  const auto& a = call.attrs;
  const long long group_in = call.x.dims[1] / a.groups;
  const long long group_out = call.y.dims[1] / a.groups;
  const long long first = to[1] / group_out * group_in;
  float sum = call.bias == nullptr ? 0.0F : call.bias[to[1]];
  for (long long ky = 0; ky < call.r; ++ky) {
    const long long h = to[2] + a.pad - ky;
    if (h < 0 || h % a.stride != 0 || h / a.stride >= call.x.dims[2]) continue;
    for (long long kx = 0; kx < call.s; ++kx) {
      const long long w = to[3] + a.pad - kx;
      if (w < 0 || w % a.stride != 0 || w / a.stride >= call.x.dims[3]) continue;
      for (long long c = first; c < first + group_in; ++c) {
        const long long from[5] = {to[0], c, h / a.stride, w / a.stride, 0};
        sum += load(call.x.data, call.x.dtype, offset_of(call.x, from)) *
               call.weight[((c * group_out + to[1] % group_out) * call.r + ky) * call.s + kx];
      }
    }
  }
  store(call.y.data, call.y.dtype, offset_of(call.y, to), sum);
}

struct ProductCall {
  Strided x, w, y;
  const float* bias;
};

__global__ void plain_product(const __grid_constant__ ProductCall call, long long count) {
  await_kernels_in_front();
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  long long to[5];
  position_of(i, call.y, to);
  const long long row[5] = {to[0], to[1], to[2], 0, 0};
  const long long column[5] = {to[0], to[1], to[3], 0, 0};
  const long long x = offset_of(call.x, row);
  const long long w = offset_of(call.w, column);
  float sum = 0.0F;
  for (long long k = 0; k < call.x.dims[3]; ++k) {
    sum += load(call.x.data, call.x.dtype, x + k * call.x.strides[3]) *
           load(call.w.data, call.w.dtype, w + k * call.w.strides[3]);
  }
  if (call.bias != nullptr) sum += call.bias[to[3]];
  store(call.y.data, call.y.dtype, offset_of(call.y, to), sum);
}

// Axes in the order of y's memory; `axis` is the one that changes, with stride 0 in x.
struct SparseCall {
  Strided x, y;
  int axis;
  long long tap_stride;
  const int* index;
  const float* weight;
  const float* bias;
  int taps;
};

__global__ void __launch_bounds__(kThreads) sparse_product(const __grid_constant__ SparseCall call, unsigned count) {
  await_kernels_in_front();
  unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  long long x = 0;
  long long y = 0;
  unsigned out = 0;
#pragma unroll
  for (int axis = 4; axis >= 0; --axis) {
    const auto size = static_cast<unsigned>(call.y.dims[axis]);
    const unsigned at = i % size;
    i /= size;
    x += at * call.x.strides[axis];
    y += at * call.y.strides[axis];
    if (axis == call.axis) out = at;
  }
  float sum = 0.0F;
  for (int k = 0; k < call.taps; ++k) {
    const unsigned at = out * static_cast<unsigned>(call.taps) + static_cast<unsigned>(k);
    sum = __fadd_rn(sum,
                    __fmul_rn(call.weight[at], load(call.x.data, call.x.dtype, x + call.index[at] * call.tap_stride)));
  }
  if (call.bias != nullptr) sum += call.bias[out];
  store(call.y.data, call.y.dtype, y, sum);
}

struct AttentionCall {
  Strided q, k, v, mask, y;
  float scale;
  bool causal;
};

__device__ float score_of(const AttentionCall& call, long long n, long long head, long long query, long long key) {
  const long long qn = n * call.q.strides[0] + head * call.q.strides[1] + query * call.q.strides[2];
  const long long kn = n * call.k.strides[0] + head * call.k.strides[1] + key * call.k.strides[2];
  float sum = 0.0F;
  for (long long i = 0; i < call.q.dims[3]; ++i) {
    sum += load(call.q.data, call.q.dtype, qn + i * call.q.strides[3]) *
           load(call.k.data, call.k.dtype, kn + i * call.k.strides[3]);
  }
  sum *= call.scale;
  if (call.mask.data != nullptr) {
    const long long at[5] = {n, head, query, key, 0};
    sum += load(call.mask.data, call.mask.dtype, offset_of(call.mask, at));
  }
  return sum;
}

// A block for each query: softmax statistics in one pass, then one thread for each value element.
__global__ void plain_attention(const __grid_constant__ AttentionCall call) {
  await_kernels_in_front();
  __shared__ float shared[33];
  extern __shared__ float weights[];  // of a tile of keys
  const long long query = blockIdx.x;
  const long long head = blockIdx.y;
  const long long n = blockIdx.z;
  const long long seen = call.causal ? min(static_cast<long long>(call.k.dims[2]), query + 1) : call.k.dims[2];
  float largest = -INFINITY;
  for (long long key = threadIdx.x; key < seen; key += blockDim.x)
    largest = fmaxf(largest, score_of(call, n, head, query, key));
  for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFU, largest, step));
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = largest;
  __syncthreads();
  for (int i = 0; i < kThreads / 32; ++i) largest = fmaxf(largest, shared[i]);
  __syncthreads();
  float sum = 0.0F;
  float result[4] = {};  // value elements threadIdx.x + 256 j
  for (long long tile = 0; tile < seen; tile += kThreads) {
    const long long key = tile + threadIdx.x;
    const float weight = key < seen ? expf(score_of(call, n, head, query, key) - largest) : 0.0F;
    weights[threadIdx.x] = weight;
    sum += weight;
    __syncthreads();
    const long long count = min(static_cast<long long>(kThreads), seen - tile);
    for (int j = 0; j < 4; ++j) {
      const long long column = threadIdx.x + kThreads * j;
      if (column >= call.v.dims[3]) break;
      const long long base = n * call.v.strides[0] + head * call.v.strides[1] + column * call.v.strides[3];
      for (long long i = 0; i < count; ++i) {
        result[j] += weights[i] * load(call.v.data, call.v.dtype, base + (tile + i) * call.v.strides[2]);
      }
    }
    __syncthreads();
  }
  sum = block_sum(sum, shared);
  for (int j = 0; j < 4; ++j) {
    const long long column = threadIdx.x + kThreads * j;
    if (column >= call.v.dims[3]) break;
    const long long at[5] = {n, head, query, column, 0};
    store(call.y.data, call.y.dtype, offset_of(call.y, at), result[j] / sum);
  }
}

}  // namespace

void launch_pad(const PadCall& call, cudaStream_t stream) {
  const long long count = elements(call.y);
  const unsigned grid = blocks_for(count, kThreads);
  if (call.size == 1) {
    launch_kernel(pad<unsigned char>, grid, kThreads, 0, stream, call, count);
  } else if (call.size == 2) {
    launch_kernel(pad<unsigned short>, grid, kThreads, 0, stream, call, count);
  } else if (call.size == 4) {
    launch_kernel(pad<unsigned>, grid, kThreads, 0, stream, call, count);
  } else {
    launch_kernel(pad<unsigned long long>, grid, kThreads, 0, stream, call, count);
  }
  check_launch("pad");
}

void launch_reduce(const Strided& x, ReduceKind kind, void* y, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(x.dims[0]), static_cast<unsigned>(x.dims[1]));
  if (x.dtype == DType::kI32) {
    launch_kernel(reduce<int>, grid, kThreads, 0, stream, x, kind, static_cast<int*>(y));
  } else if (x.dtype == DType::kI64) {
    launch_kernel(reduce<long long>, grid, kThreads, 0, stream, x, kind, static_cast<long long*>(y));
  } else {
    launch_kernel(reduce<float>, grid, kThreads, 0, stream, x, kind, static_cast<float*>(y));
  }
  check_launch("reduce");
}

void launch_softmax(const Strided& x, const Strided& y, cudaStream_t stream) {
  launch_kernel(softmax, static_cast<unsigned>(elements(x) / x.dims[4]), kThreads, 0, stream, x, y);
  check_launch("softmax");
}

void launch_embedding(const void* indices, bool wide, std::int64_t count, const void* table, std::int64_t rows,
                      std::int64_t width, std::int64_t size, void* y, cudaStream_t stream) {
  const unsigned grid = blocks_for(count * width * size, kThreads);
  const auto* bytes = static_cast<const unsigned char*>(table);
  auto* out = static_cast<unsigned char*>(y);
  if (wide) {
    launch_kernel(embedding<long long>, grid, kThreads, 0, stream, static_cast<const long long*>(indices), count, bytes,
                  rows, width * size, out);
  } else {
    launch_kernel(embedding<int>, grid, kThreads, 0, stream, static_cast<const int*>(indices), count, bytes, rows,
                  width * size, out);
  }
  check_launch("embedding");
}

void launch_timestep_embedding(const float* t, std::int64_t t_stride, const float* frequencies, std::int64_t rows,
                               std::int64_t dim, bool cosines_first, float* y, cudaStream_t stream) {
  launch_kernel(timestep_embedding, blocks_for(rows * dim, kThreads), kThreads, 0, stream, t, t_stride, frequencies,
                rows, dim, cosines_first, y);
  check_launch("timestep_embedding");
}

void launch_plain_conv(const Strided& x, const float* weight, const float* bias, const Strided& y, std::int64_t r,
                       std::int64_t s, const graph::Conv2dAttrs& attrs, cudaStream_t stream) {
  const long long count = elements(y);
  launch_kernel(plain_conv, blocks_for(count, kThreads), kThreads, 0, stream, ConvCall{x, y, weight, bias, r, s, attrs},
                count);
  check_launch("conv2d");
}

void launch_plain_conv_transpose(const Strided& x, const float* weight, const float* bias, const Strided& y,
                                 std::int64_t r, std::int64_t s, const graph::ConvTranspose2dAttrs& attrs,
                                 cudaStream_t stream) {
  const long long count = elements(y);
  launch_kernel(plain_conv_transpose, blocks_for(count, kThreads), kThreads, 0, stream,
                ConvTransposeCall{x, y, weight, bias, r, s, attrs}, count);
  check_launch("conv_transpose2d");
}

void launch_plain_product(const Strided& x, const Strided& w, const float* bias, const Strided& y,
                          cudaStream_t stream) {
  const long long count = elements(y);
  launch_kernel(plain_product, blocks_for(count, kThreads), kThreads, 0, stream, ProductCall{x, w, y, bias}, count);
  check_launch("product");
}

void launch_sparse_product(const Strided& x, const int* index, const float* weight, const float* bias,
                           std::int64_t taps, const Strided& y, cudaStream_t stream) {
  int order[5] = {0, 1, 2, 3, 4};
  std::stable_sort(order, order + 5, [&](int a, int b) { return y.strides[a] > y.strides[b]; });
  SparseCall call{x, y, 0, x.strides[4], index, weight, bias, static_cast<int>(taps)};
  for (int i = 0; i < 5; ++i) {
    call.y.dims[i] = y.dims[order[i]];
    call.y.strides[i] = y.strides[order[i]];
    call.x.strides[i] = order[i] == 4 ? 0 : x.strides[order[i]];
    if (order[i] == 4) call.axis = i;
  }
  const long long count = elements(y);
  launch_kernel(sparse_product, blocks_for(count, kThreads), kThreads, 0, stream, call, static_cast<unsigned>(count));
  check_launch("sparse product");
}

void launch_plain_attention(const Strided& q, const Strided& k, const Strided& v, const Strided& mask, const Strided& y,
                            float scale, bool causal, cudaStream_t stream) {
  if (v.dims[3] > 4 * kThreads) throw Error(ErrorCode::kUnsupported, "attention with values wider than 1024");
  const dim3 grid(static_cast<unsigned>(q.dims[2]), static_cast<unsigned>(q.dims[1]), static_cast<unsigned>(q.dims[0]));
  launch_kernel(plain_attention, grid, kThreads, kThreads * sizeof(float), stream,
                AttentionCall{q, k, v, mask, y, scale, causal});
  check_launch("attention");
}

}  // namespace comfystream::backend::cuda
