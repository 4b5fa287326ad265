// SPDX-License-Identifier: Apache-2.0
// Kernels compiled at run time by NVRTC.
#pragma once

#include "comfystream/backend/cuda/pointwise_source.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Safe from any thread; a kernel is compiled once for each source.
class Jit {
 public:
  /// `name` is the kernel's, declared extern "C". Error(kBackend) carries the compiler's log.
  cudaKernel_t kernel(const std::string& source, const std::string& name);

 private:
  struct Unload {
    void operator()(cudaLibrary_t library) const noexcept;
  };
  using Library = std::unique_ptr<std::remove_pointer_t<cudaLibrary_t>, Unload>;

  std::mutex mutex_;
  std::map<std::string, std::pair<Library, cudaKernel_t>> kernels_;
};

/// Machine code of `source` for the architecture "sm_90a". Needs no device.
[[nodiscard]] std::vector<char> compile_source(const std::string& source, const std::string& architecture);

/// Starts a kernel of make_pointwise_kernel() on the operands' addresses, in order.
void launch_pointwise(cudaKernel_t kernel, const std::vector<std::int64_t>& threads, const std::vector<void*>& operands,
                      cudaStream_t stream);

}  // namespace comfystream::backend::cuda
