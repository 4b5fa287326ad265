// SPDX-License-Identifier: Apache-2.0
// Constants into the layout of the kernel that reads them.
#include "comfystream/backend/cuda/device_code.cuh"
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/error.hpp"

namespace comfystream::backend::cuda {
namespace {

struct Layout {
  long long dims[4] = {1, 1, 1, 1};
  long long valid[4] = {1, 1, 1, 1};
  long long strides[4] = {0, 0, 0, 0};
};

// Whether element i of the packed tensor is there, and where in the source.
__device__ bool locate(const Layout& layout, long long i, long long* source, long long* row) {
  bool inside = true;
  *source = 0;
  for (int axis = 3; axis >= 0; --axis) {
    const long long position = i % layout.dims[axis];
    i /= layout.dims[axis];
    inside = inside && position < layout.valid[axis];
    *source += position * layout.strides[axis];
    if (axis == 0) *row = position;
  }
  return inside;
}

template <typename From, typename To>
__global__ void pack_floats(const From* from, To* to, const float* scale, Layout layout, long long count) {
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  long long source = 0;
  long long row = 0;
  float value = 0.0F;
  if (locate(layout, i, &source, &row)) value = to_float(from[source]) * (scale == nullptr ? 1.0F : scale[row]);
  to[i] = from_float<To>(value);
}

// The source's rows (or columns) 0 to 2 that meet in row `r` of half `half` (0: even pixels, 1: odd ones).
__device__ bool meets(int half, int r, int source) {
  return half == 0 ? (r == 0) == (source == 0) : (r == 1) == (source == 2);
}

template <typename From, typename To>
__global__ void pack_quarters(const From* from, To* to, Layout layout, long long count) {
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  const long long c = i % layout.dims[3];
  const int s = static_cast<int>(i / layout.dims[3] % 2);
  const int r = static_cast<int>(i / layout.dims[3] / 2 % 2);
  const long long kernels = layout.dims[0] / 4;
  const long long k = i / layout.dims[3] / 4 % kernels;
  const int quarter = static_cast<int>(i / layout.dims[3] / 4 / kernels);
  float sum = 0.0F;
  for (int y = 0; y < 3; ++y) {
    for (int x = 0; x < 3; ++x) {
      if (!meets(quarter / 2, r, y) || !meets(quarter % 2, s, x)) continue;
      sum +=
          to_float(from[k * layout.strides[0] + y * layout.strides[1] + x * layout.strides[2] + c * layout.strides[3]]);
    }
  }
  to[i] = from_float<To>(sum);
}

template <typename From>
void pack_quarters_from(const PackCall& call, const Layout& layout, long long count, cudaStream_t stream) {
  const auto* from = static_cast<const From*>(call.from);
  const unsigned grid = blocks_for(count, 256);
  if (call.to_type == DType::kBF16) {
    pack_quarters<<<grid, 256, 0, stream>>>(from, static_cast<__nv_bfloat16*>(call.to), layout, count);
  } else {
    pack_quarters<<<grid, 256, 0, stream>>>(from, static_cast<__half*>(call.to), layout, count);
  }
}

template <typename T>
__global__ void pack_as_is(const T* from, T* to, Layout layout, long long count) {
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= count) return;
  long long source = 0;
  long long row = 0;
  to[i] = locate(layout, i, &source, &row) ? from[source] : T{};
}

template <typename From>
void pack_from(const PackCall& call, const Layout& layout, long long count, cudaStream_t stream) {
  const auto* from = static_cast<const From*>(call.from);
  const unsigned grid = blocks_for(count, 256);
  if (call.to_type == DType::kF16) {
    pack_floats<<<grid, 256, 0, stream>>>(from, static_cast<__half*>(call.to), call.scale, layout, count);
  } else if (call.to_type == DType::kF32) {
    pack_floats<<<grid, 256, 0, stream>>>(from, static_cast<float*>(call.to), call.scale, layout, count);
  } else {
    pack_floats<<<grid, 256, 0, stream>>>(from, static_cast<__nv_bfloat16*>(call.to), call.scale, layout, count);
  }
}

template <typename T>
void pack_bits(const PackCall& call, const Layout& layout, long long count, cudaStream_t stream) {
  pack_as_is<<<blocks_for(count, 256), 256, 0, stream>>>(static_cast<const T*>(call.from), static_cast<T*>(call.to),
                                                         layout, count);
}

}  // namespace

bool kernels_fit_device(int device) {
  const DeviceScope scope(device);
  int current = -1;
  cudaFuncAttributes attributes{};
  const bool fits = cudaGetDevice(&current) == cudaSuccess && current == device &&
                    cudaFuncGetAttributes(&attributes, pack_as_is<unsigned>) == cudaSuccess;
  static_cast<void>(cudaGetLastError());
  return fits;
}

void launch_pack(const PackCall& call, cudaStream_t stream) {
  Layout layout;
  long long count = 1;
  const std::size_t missing = 4 - call.dims.size();
  for (std::size_t i = 0; i < call.dims.size(); ++i) {
    layout.dims[missing + i] = call.dims[i];
    layout.valid[missing + i] = call.valid[i];
    layout.strides[missing + i] = call.strides[i];
    count *= call.dims[i];
  }
  if (missing > 0 && call.scale != nullptr) {
    // The scale goes along the first axis: shift the axes to the front instead.
    Layout front;
    for (std::size_t i = 0; i < call.dims.size(); ++i) {
      front.dims[i] = call.dims[i];
      front.valid[i] = call.valid[i];
      front.strides[i] = call.strides[i];
    }
    layout = front;
  }
  if (count == 0) return;
  if (call.quarters) {
    if (call.from_type == DType::kF16) {
      pack_quarters_from<__half>(call, layout, count, stream);
    } else if (call.from_type == DType::kBF16) {
      pack_quarters_from<__nv_bfloat16>(call, layout, count, stream);
    } else {
      pack_quarters_from<float>(call, layout, count, stream);
    }
  } else if (call.from_type != call.to_type || call.scale != nullptr) {
    if (call.from_type == DType::kF16) {
      pack_from<__half>(call, layout, count, stream);
    } else if (call.from_type == DType::kBF16) {
      pack_from<__nv_bfloat16>(call, layout, count, stream);
    } else if (call.from_type == DType::kF32) {
      pack_from<float>(call, layout, count, stream);
    } else {
      throw Error(ErrorCode::kUnsupported, "a weight of type " + std::string(to_string(call.from_type)));
    }
  } else if (size_of(call.to_type) == 1) {
    pack_bits<unsigned char>(call, layout, count, stream);
  } else if (size_of(call.to_type) == 2) {
    pack_bits<unsigned short>(call, layout, count, stream);
  } else if (size_of(call.to_type) == 4) {
    pack_bits<unsigned>(call, layout, count, stream);
  } else {
    pack_bits<unsigned long long>(call, layout, count, stream);
  }
  check_launch("pack");
}

}  // namespace comfystream::backend::cuda
