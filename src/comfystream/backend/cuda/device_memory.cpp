// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/device_memory.hpp"

#include "comfystream/backend/cuda/check.hpp"

namespace comfystream::backend::cuda {

DeviceScope::DeviceScope(int device) noexcept {
  int current = 0;
  if (cudaGetDevice(&current) != cudaSuccess || current == device) return;
  if (cudaSetDevice(device) == cudaSuccess) before_ = current;
}

DeviceScope::~DeviceScope() {
  if (before_ >= 0) static_cast<void>(cudaSetDevice(before_));
}

void DeviceBuffer::Free::operator()(std::byte* data) const noexcept { static_cast<void>(cudaFree(data)); }
void PinnedBuffer::Free::operator()(std::byte* data) const noexcept { static_cast<void>(cudaFreeHost(data)); }

DeviceBuffer::DeviceBuffer(std::size_t bytes, const std::string& what) : size_(bytes) {
  void* data = nullptr;
  if (bytes != 0) check(cudaMalloc(&data, bytes), std::to_string(bytes >> 20U) + " MiB for " + what);
  data_.reset(static_cast<std::byte*>(data));
}

PinnedBuffer::PinnedBuffer(std::size_t bytes, const std::string& what) : size_(bytes) {
  void* data = nullptr;
  if (bytes != 0) {
    check(cudaHostAlloc(&data, bytes, cudaHostAllocDefault), "page-locked memory for " + what);
  }
  data_.reset(static_cast<std::byte*>(data));
}

Stream make_stream(bool urgent) {
  cudaStream_t stream = nullptr;
  int least = 0;
  int greatest = 0;
  check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "making a stream");
  check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, urgent ? greatest : least), "making a stream");
  return Stream(stream);
}

Event make_event(bool timed) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, timed ? cudaEventDefault : cudaEventDisableTiming), "making an event");
  return Event(event);
}

}  // namespace comfystream::backend::cuda
