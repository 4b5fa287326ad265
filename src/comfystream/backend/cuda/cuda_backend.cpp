// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/cuda_backend.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/executable.hpp"
#include "comfystream/backend/cuda/kernels.hpp"
#include "comfystream/backend/cuda/step_times.hpp"
#include "comfystream/core/user_cache.hpp"
#include "comfystream/error.hpp"

#include <mutex>

namespace comfystream::backend {
namespace {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(CudaOptions options) : options_(std::move(options)) {}

  [[nodiscard]] std::string name() const override { return "cuda"; }
  [[nodiscard]] DType precision() const override { return options_.precision; }
  [[nodiscard]] std::vector<DeviceInfo> devices() const override;
  [[nodiscard]] bool reaches_device() const override { return true; }
  [[nodiscard]] DeviceCeilings measure_ceilings() override {
    const cuda::DeviceScope scope(options_.device);
    return cuda::measure_ceilings(options_.device, options_.precision);
  }
  [[nodiscard]] std::unique_ptr<Executable> compile(const graph::Graph& graph, const CompileOptions& options) override;

 private:
  std::shared_ptr<cuda::Libraries> libraries();

  CudaOptions options_;
  std::mutex mutex_;
  std::shared_ptr<cuda::Libraries> libraries_;
};

DeviceInfo describe(int device) {
  cudaDeviceProp properties{};
  const cudaError_t status = cudaGetDeviceProperties(&properties, device);
  if (status != cudaSuccess) return {"NVIDIA GPU " + std::to_string(device), cudaGetErrorString(status)};
  std::string reason;
  if (properties.major < 9) {
    reason = "the kernels need compute capability 9.0 or later, this device has " + std::to_string(properties.major) +
             "." + std::to_string(properties.minor);
  } else if (!cuda::kernels_fit_device(device)) {
    reason = "this build has no kernels for compute capability " + std::to_string(properties.major) + "." +
             std::to_string(properties.minor) +
             "; configure with -DCMAKE_CUDA_ARCHITECTURES=" + std::to_string(properties.major) +
             std::to_string(properties.minor);
  }
  return {properties.name, reason};
}

std::vector<DeviceInfo> CudaBackend::devices() const {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    return {{"NVIDIA GPU", cudaGetErrorString(status)}};
  }
  std::vector<DeviceInfo> devices;
  devices.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) devices.push_back(describe(i));
  return devices;
}

std::shared_ptr<cuda::Libraries> CudaBackend::libraries() {
  const std::lock_guard lock(mutex_);
  if (!libraries_) {
    const auto begin = std::chrono::steady_clock::now();
    cuda::check(cudaSetDevice(options_.device), "choosing device " + std::to_string(options_.device));
    libraries_ = std::make_shared<cuda::Libraries>(
        options_.cache_folder.empty() ? user_cache_folder() : options_.cache_folder, options_.tune);
    libraries_->start_time = std::chrono::steady_clock::now() - begin;
  }
  return libraries_;
}

std::unique_ptr<Executable> CudaBackend::compile(const graph::Graph& graph, const CompileOptions& options) {
  if (options.max_batch < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "the largest batch must be 1 or more, not " + std::to_string(options.max_batch));
  }
  const auto all = devices();
  const auto index = static_cast<std::size_t>(options_.device);
  if (options_.device < 0 || index >= all.size() || !all[index].available.empty()) {
    const std::string reason =
        index < all.size() ? all[index].name + ": " + all[index].available : "there is no such device";
    throw Error(ErrorCode::kBackend,
                "the cuda backend cannot use device " + std::to_string(options_.device) + ": " + reason);
  }
  const cuda::DeviceScope scope(options_.device);
  return std::make_unique<cuda::CudaExecutable>(std::make_shared<cuda::Engine>(graph, options, options_, libraries()));
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options) {
  return std::make_unique<CudaBackend>(options);
}

}  // namespace comfystream::backend
