// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/tensor_map.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/error.hpp"

#include <string>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {
namespace {

// Asked of the runtime, so that the driver's library need not be linked: machines that only build have none.
decltype(&cuTensorMapEncodeTiled) find_encoder() {
  constexpr unsigned kSince = 12000;  // version of CUDA that brought it
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result{};
  check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, kSince, cudaEnableDefault, &result),
        "describing a tensor");
  if (function == nullptr) throw Error(ErrorCode::kBackend, "the driver cannot describe tensors for bulk loads");
  return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
}

}  // namespace

CUtensorMap make_tensor_map(const TensorMapCall& call) {
  cuuint64_t dims[4];
  for (std::size_t i = 0; i < 4; ++i) dims[i] = static_cast<cuuint64_t>(call.dims[i]);
  cuuint64_t bytes[3];
  for (std::size_t i = 0; i < 3; ++i) bytes[i] = static_cast<cuuint64_t>(call.strides[i]) * 2;
  const cuuint32_t steps[4] = {1, 1, 1, 1};
  const auto type = call.dtype == DType::kBF16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  CUtensorMap map{};
  const CUresult status = find_encoder()(&map, type, 4, const_cast<void*>(call.data), dims, bytes, call.box.data(),
                                         steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status == CUDA_SUCCESS) return map;
  throw Error(ErrorCode::kBackend, "the driver refused a tensor for bulk loads: error " +
                                       std::to_string(static_cast<int>(status)) + ", innermost dimensions " +
                                       std::to_string(call.dims[0]) + " and " + std::to_string(call.dims[1]));
}

}  // namespace comfystream::backend::cuda
