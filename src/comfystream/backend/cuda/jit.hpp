// SPDX-License-Identifier: Apache-2.0
// Kernels compiled at run time by NVRTC.
#pragma once

#include "comfystream/backend/cuda/plan_store.hpp"
#include "comfystream/backend/cuda/pointwise_source.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Safe from any thread; a kernel is compiled once for each source, and not at all where `store` has its machine code.
class Jit {
 public:
  explicit Jit(PlanStore& store) : store_(store) {}
  /// `name` is the kernel's, declared extern "C". Error(kBackend) carries the compiler's log.
  cudaKernel_t kernel(const std::string& source, const std::string& name);

 private:
  struct Unload {
    void operator()(cudaLibrary_t library) const noexcept;
  };
  using Library = std::unique_ptr<std::remove_pointer_t<cudaLibrary_t>, Unload>;

  struct Entry {
    std::once_flag once;
    Library library;
    cudaKernel_t kernel = nullptr;
  };
  [[nodiscard]] std::vector<char> code_of(const std::string& source);

  PlanStore& store_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Entry>> kernels_;
};

/// Machine code of `source` for the architecture "sm_90a". Needs no device.
[[nodiscard]] std::vector<char> compile_source(const std::string& source, const std::string& architecture);

/// Starts a kernel of make_pointwise_kernel() on the operands' addresses, in order.
void launch_pointwise(cudaKernel_t kernel, const std::vector<std::int64_t>& threads, const std::vector<void*>& operands,
                      cudaStream_t stream);

}  // namespace comfystream::backend::cuda
