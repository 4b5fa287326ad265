// SPDX-License-Identifier: Apache-2.0
// Attention by our own kernel for Hopper (hopper_attention.cuh).
#pragma once

#include "comfystream/backend/cuda/cudnn_graphs.hpp"

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// In how many ways (sizes of tiles, number of warpgroups) the kernel does this problem on the current device; none
/// where it does not: it takes head sizes 40, 64 and 80 without a mask, and devices of compute capability 9.0.
[[nodiscard]] int hopper_attention_ways(const AttentionProblem& problem);

/// Sums in f32; weights are rounded to the problem's type. Pointers are aligned to 16 bytes, strides multiples of 8;
/// `workspace` is not used. Describes the tensors by their addresses, without device memory, so that it can be
/// recorded. Throws Error when it does not start.
void launch_hopper_attention(const AttentionProblem& problem, int way, const AttentionPointers& pointers,
                             cudaStream_t stream);

}  // namespace comfystream::backend::cuda
