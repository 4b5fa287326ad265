// SPDX-License-Identifier: Apache-2.0
// PyTorch's interpolate(antialias=False), position by position as the reference computes it.
#include "comfystream/backend/cuda/bilinear.cuh"
#include "comfystream/backend/cuda/device_code.cuh"

namespace comfystream::backend::cuda {
namespace {

using graph::ResizeMode;

struct Taps {
  int index[4];
  float weight[4];
};

__device__ int nearest_index(int out, int in_size, int out_size, float shift) {
  const float scale = __fdiv_rn(static_cast<float>(in_size), static_cast<float>(out_size));
  return min(static_cast<int>(floorf(__fmul_rn(static_cast<float>(out) + shift, scale))), in_size - 1);
}

// Keys' cubic convolution (1981) with a = -0.75.
__device__ float cubic_near(float x) { return (1.25F * x - 2.25F) * x * x + 1.0F; }
__device__ float cubic_far(float x) { return ((-0.75F * x + 3.75F) * x - 6.0F) * x + 3.0F; }

__device__ Taps taps_at(ResizeMode mode, int out, int in_size, int out_size, bool align_corners) {
  Taps taps{};
  if (mode == ResizeMode::kNearest || mode == ResizeMode::kNearestExact) {
    taps.index[0] = nearest_index(out, in_size, out_size, mode == ResizeMode::kNearest ? 0.0F : 0.5F);
    taps.weight[0] = 1.0F;
    return taps;
  }
  if (mode == ResizeMode::kBilinear) {
    const Between between = between_at(out, in_size, out_size, align_corners);
    taps = {{between.first, between.second}, {between.first_weight, between.second_weight}};
    return taps;
  }
  const float position = position_of(out, in_size, out_size, align_corners);
  const float base = floorf(position);
  const float t = position - base;
  taps = {{}, {cubic_far(t + 1.0F), cubic_near(t), cubic_near(1.0F - t), cubic_far(2.0F - t)}};
  for (int i = 0; i < 4; ++i) taps.index[i] = min(max(static_cast<int>(base) - 1 + i, 0), in_size - 1);
  return taps;
}

struct ResizeCall {
  Strided x, y;
  graph::ResizeAttrs attrs;
  bool channels_inside;  // y's channels are its fastest axis
  const void* residual = nullptr;
  void* positive = nullptr;
};

__global__ void __launch_bounds__(256) resize(const __grid_constant__ ResizeCall call, long long count) {
  await_kernels_in_front();
  long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  const auto* dims = call.y.dims;
  long long c = 0;
  if (call.channels_inside) {
    c = i % dims[1];
    i /= dims[1];
  }
  const long long w = i % dims[3];
  i /= dims[3];
  const long long h = i % dims[2];
  i /= dims[2];
  if (!call.channels_inside) {
    c = i % dims[1];
    i /= dims[1];
  }
  const int in_height = static_cast<int>(call.x.dims[2]);
  const int in_width = static_cast<int>(call.x.dims[3]);
  const bool align = call.attrs.align_corners;
  const Taps rows = taps_at(call.attrs.mode, static_cast<int>(h), in_height, static_cast<int>(dims[2]), align);
  const Taps columns = taps_at(call.attrs.mode, static_cast<int>(w), in_width, static_cast<int>(dims[3]), align);
  const int taps = call.attrs.mode == ResizeMode::kBicubic ? 4 : (call.attrs.mode == ResizeMode::kBilinear ? 2 : 1);
  const long long plane = i * call.x.strides[0] + c * call.x.strides[1];
  float sum = 0.0F;
  for (int y = 0; y < taps; ++y) {
    float along = 0.0F;
    for (int x = 0; x < taps; ++x) {
      const long long at = plane + rows.index[y] * call.x.strides[2] + columns.index[x] * call.x.strides[3];
      along += load(call.x.data, call.x.dtype, at) * columns.weight[x];
    }
    sum += along * rows.weight[y];
  }
  const long long to = i * call.y.strides[0] + c * call.y.strides[1] + h * call.y.strides[2] + w * call.y.strides[3];
  store(call.y.data, call.y.dtype, to, sum);
}

// Eight adjacent channels of 16 bits a thread.
__global__ void __launch_bounds__(256) nearest_nhwc(const __grid_constant__ ResizeCall call, long long count) {
  await_kernels_in_front();
  long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  const int packs = static_cast<int>(call.y.dims[1] / 8);
  const long long c = i % packs * 8;
  i /= packs;
  const int w = static_cast<int>(i % call.y.dims[3]);
  i /= call.y.dims[3];
  const int h = static_cast<int>(i % call.y.dims[2]);
  const long long n = i / call.y.dims[2];
  const float shift = call.attrs.mode == ResizeMode::kNearest ? 0.0F : 0.5F;
  const int row = nearest_index(h, static_cast<int>(call.x.dims[2]), static_cast<int>(call.y.dims[2]), shift);
  const int column = nearest_index(w, static_cast<int>(call.x.dims[3]), static_cast<int>(call.y.dims[3]), shift);
  const auto* x = static_cast<const unsigned short*>(call.x.data) + n * call.x.strides[0] + row * call.x.strides[2] +
                  column * call.x.strides[3] + c;
  auto* y = static_cast<unsigned short*>(call.y.data) + n * call.y.strides[0] + h * call.y.strides[2] +
            w * call.y.strides[3] + c;
  *reinterpret_cast<uint4*>(y) = *reinterpret_cast<const uint4*>(x);
}

// Bilinear with eight adjacent channels and four rows a thread, whose columns and weights are found once.
constexpr int kRows = 4;

template <typename T, bool Adds>
__global__ void __launch_bounds__(256) bilinear_nhwc(const __grid_constant__ ResizeCall call) {
  await_kernels_in_front();
  const int packs = static_cast<int>(call.y.dims[1] / 8);
  const int i = static_cast<int>(blockIdx.x) * 256 + static_cast<int>(threadIdx.x);
  const int height = static_cast<int>(call.y.dims[2]);
  const int width = static_cast<int>(call.y.dims[3]);
  if (i >= packs * width) return;
  const int c = i % packs * 8;
  const int w = i / packs;
  const bool align = call.attrs.align_corners;
  const Taps columns = taps_at(ResizeMode::kBilinear, w, static_cast<int>(call.x.dims[3]), width, align);
  const auto* x = static_cast<const T*>(call.x.data) + blockIdx.z * call.x.strides[0] + c;
  const auto* left = x + columns.index[0] * call.x.strides[3];
  const auto* right = x + columns.index[1] * call.x.strides[3];
  const long long start = blockIdx.z * call.y.strides[0] + w * call.y.strides[3] + c;
#pragma unroll
  for (int k = 0; k < kRows; ++k) {
    const int h = static_cast<int>(blockIdx.y) * kRows + k;
    if (h >= height) return;
    const Taps rows = taps_at(ResizeMode::kBilinear, h, static_cast<int>(call.x.dims[2]), height, align);
    const long long to = start + h * call.y.strides[2];
    float sums[8] = {};
    if (Adds) {
      const uint4 packed = *reinterpret_cast<const uint4*>(static_cast<const T*>(call.residual) + to);
#pragma unroll
      for (int v = 0; v < 8; ++v) sums[v] = to_float(reinterpret_cast<const T*>(&packed)[v]);
    }
#pragma unroll
    for (int a = 0; a < 2; ++a) {
      const long long row = rows.index[a] * call.x.strides[2];
      const uint4 packed[2] = {*reinterpret_cast<const uint4*>(left + row),
                               *reinterpret_cast<const uint4*>(right + row)};
#pragma unroll
      for (int b = 0; b < 2; ++b) {
        const float weight = rows.weight[a] * columns.weight[b];
#pragma unroll
        for (int v = 0; v < 8; ++v) sums[v] += weight * to_float(reinterpret_cast<const T*>(&packed[b])[v]);
      }
    }
    uint4 result;
#pragma unroll
    for (int v = 0; v < 8; ++v) reinterpret_cast<T*>(&result)[v] = from_float<T>(sums[v]);
    *reinterpret_cast<uint4*>(static_cast<T*>(call.y.data) + to) = result;
    if (!Adds || call.positive == nullptr) continue;
#pragma unroll
    for (int v = 0; v < 8; ++v) {
      const float value = to_float(reinterpret_cast<const T*>(&result)[v]);
      reinterpret_cast<T*>(&result)[v] = from_float<T>(value < 0.0F ? 0.0F : value);
    }
    *reinterpret_cast<uint4*>(static_cast<T*>(call.positive) + to) = result;
  }
}

template <bool Adds>
void launch_bilinear(const ResizeCall& call, cudaStream_t stream) {
  const Strided& y = call.y;
  const dim3 grid(blocks_for(y.dims[1] / 8 * y.dims[3], 256), blocks_for(y.dims[2], kRows),
                  static_cast<unsigned>(y.dims[0]));
  if (y.dtype == DType::kBF16) {
    launch_kernel(bilinear_nhwc<__nv_bfloat16, Adds>, grid, 256, 0, stream, call);
  } else {
    launch_kernel(bilinear_nhwc<__half, Adds>, grid, 256, 0, stream, call);
  }
  check_launch("resize");
}

}  // namespace

void launch_resize(const Strided& x, const Strided& y, const graph::ResizeAttrs& attrs, cudaStream_t stream) {
  const ResizeCall call{x, y, attrs, y.dims[1] > 1 && y.strides[1] < y.strides[3]};
  const std::int64_t count = y.dims[0] * y.dims[1] * y.dims[2] * y.dims[3];
  launch_kernel(resize, blocks_for(count, 256), 256, 0, stream, call, count);
  check_launch("resize");
}

void launch_resize_nhwc(const Strided& x, const Strided& y, const graph::ResizeAttrs& attrs, cudaStream_t stream) {
  const ResizeCall call{x, y, attrs, true};
  if (attrs.mode == ResizeMode::kBilinear) return launch_bilinear<false>(call, stream);
  const std::int64_t count = y.dims[0] * y.dims[1] / 8 * y.dims[2] * y.dims[3];
  launch_kernel(nearest_nhwc, blocks_for(count, 256), 256, 0, stream, call, count);
  check_launch("resize");
}

void launch_resize_add(const Strided& x, const Strided& y, const graph::ResizeAttrs& attrs, const void* residual,
                       void* positive, cudaStream_t stream) {
  launch_bilinear<true>({x, y, attrs, true, residual, positive}, stream);
}

}  // namespace comfystream::backend::cuda
