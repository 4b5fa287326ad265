// SPDX-License-Identifier: Apache-2.0
// CUDA source for elementwise kernels over strided tensors, compiled when a graph is.
#pragma once

#include "comfystream/backend/cuda/view.hpp"

#include <string>
#include <vector>

namespace comfystream::backend::cuda {

/// out[i] = result(inputs[0][i], inputs[1][i], ...) for every index i of out. Inputs have out's dimensions (broadcast()
/// them). `lines` are statements that may read the inputs as a0, a1, ... and define other names; `result` is an
/// expression. Floats of every width are `float` there, whole numbers their own type, bool and u8 `unsigned char`.
struct PointwiseBody {
  View out;
  std::vector<View> inputs;
  std::vector<std::string> lines;
  std::string result;
};

/// One kernel for several bodies, which run side by side (blockIdx.y). Its arguments are a PointwiseArguments by value.
/// The source does not depend on the size of the outermost dimension, so that batch sizes share kernels.
struct PointwiseKernel {
  std::string source;                 ///< extern "C" __global__ void pointwise(...)
  std::vector<std::int64_t> threads;  ///< for each body
  std::vector<View> operands;         ///< out, inputs... of each body: the pointers, in order
};
inline constexpr std::size_t kMostPointwiseOperands = 24;

[[nodiscard]] PointwiseKernel make_pointwise_kernel(const std::vector<PointwiseBody>& bodies);

}  // namespace comfystream::backend::cuda
