// SPDX-License-Identifier: Apache-2.0
// Owners of memory, streams and events.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Makes a device the thread's current one while it lives: for threads that are not ours, whose choice stays theirs.
class DeviceScope {
 public:
  explicit DeviceScope(int device) noexcept;
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int before_ = -1;  // -1: nothing to restore
};

/// Device memory, aligned to 256 bytes. Freed without an error being reported: there is nobody to report it to.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  /// Error(kOutOfMemory) says what the memory was for.
  DeviceBuffer(std::size_t bytes, const std::string& what);
  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// Host memory that the device's copy engines read and write directly.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  PinnedBuffer(std::size_t bytes, const std::string& what);
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

struct DestroyStream {
  void operator()(cudaStream_t stream) const noexcept { static_cast<void>(cudaStreamDestroy(stream)); }
};
struct DestroyEvent {
  void operator()(cudaEvent_t event) const noexcept { static_cast<void>(cudaEventDestroy(event)); }
};
struct DestroyGraph {
  void operator()(cudaGraph_t graph) const noexcept { static_cast<void>(cudaGraphDestroy(graph)); }
};
struct DestroyGraphExec {
  void operator()(cudaGraphExec_t graph) const noexcept { static_cast<void>(cudaGraphExecDestroy(graph)); }
};
template <typename Handle, typename Destroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy>;

using Stream = Owned<cudaStream_t, DestroyStream>;
using Event = Owned<cudaEvent_t, DestroyEvent>;
using CudaGraph = Owned<cudaGraph_t, DestroyGraph>;
using CudaGraphExec = Owned<cudaGraphExec_t, DestroyGraphExec>;

/// `urgent`: its kernels' blocks go first wherever a multiprocessor becomes free.
[[nodiscard]] Stream make_stream(bool urgent = false);
/// `timed` events can be subtracted; others are cheaper.
[[nodiscard]] Event make_event(bool timed);

}  // namespace comfystream::backend::cuda
