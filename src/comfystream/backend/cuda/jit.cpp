// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/jit.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/error.hpp"

#include <algorithm>

#include <nvrtc.h>

namespace comfystream::backend::cuda {
namespace {

// Whole numbers in pixels come out exactly only if products are rounded before sums, as on the host.
constexpr const char* kRounding = "--fmad=false";

void check(nvrtcResult status, const std::string& what) {
  if (status != NVRTC_SUCCESS) throw Error(ErrorCode::kBackend, what + ": " + nvrtcGetErrorString(status));
}

class NvrtcProgram {
 public:
  explicit NvrtcProgram(const std::string& source) {
    check(nvrtcCreateProgram(&program_, source.c_str(), "comfystream.cu", 0, nullptr, nullptr), "preparing a kernel");
  }
  ~NvrtcProgram() { static_cast<void>(nvrtcDestroyProgram(&program_)); }
  NvrtcProgram(const NvrtcProgram&) = delete;
  NvrtcProgram& operator=(const NvrtcProgram&) = delete;
  [[nodiscard]] nvrtcProgram get() const { return program_; }

 private:
  nvrtcProgram program_ = nullptr;
};

std::string log_of(nvrtcProgram program) {
  std::size_t size = 0;
  if (nvrtcGetProgramLogSize(program, &size) != NVRTC_SUCCESS) return {};
  std::string log(size, '\0');
  if (nvrtcGetProgramLog(program, log.data()) != NVRTC_SUCCESS) return {};
  return log;
}

std::string current_architecture() {
  int device = 0;
  int major = 0;
  int minor = 0;
  cuda::check(cudaGetDevice(&device), "asking for the device");
  cuda::check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "asking for the device");
  cuda::check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "asking for the device");
  return "sm_" + std::to_string(major) + std::to_string(minor);
}

}  // namespace

void Jit::Unload::operator()(cudaLibrary_t library) const noexcept { static_cast<void>(cudaLibraryUnload(library)); }

std::vector<char> compile_source(const std::string& source, const std::string& architecture) {
  const NvrtcProgram program(source);
  const std::string arch = "--gpu-architecture=" + architecture;
  const char* options[] = {arch.c_str(), "--std=c++17", kRounding};
  if (nvrtcCompileProgram(program.get(), 3, options) != NVRTC_SUCCESS) {
    throw Error(ErrorCode::kBackend, "a generated kernel does not compile: " + log_of(program.get()));
  }
  std::size_t size = 0;
  check(nvrtcGetCUBINSize(program.get(), &size), "compiling a kernel");
  std::vector<char> code(size);
  check(nvrtcGetCUBIN(program.get(), code.data()), "compiling a kernel");
  return code;
}

std::vector<char> Jit::code_of(const std::string& source) {
  const std::string architecture = current_architecture();
  int major = 0;
  int minor = 0;
  check(nvrtcVersion(&major, &minor), "asking for the compiler");
  const std::string name = "nvrtc " + std::to_string(major) + "." + std::to_string(minor) + " " + architecture + " " +
                           kRounding + "\n" + source;
  if (const auto stored = store_.find(name)) return {stored->begin(), stored->end()};
  auto code = compile_source(source, architecture);
  store_.insert(name, {code.begin(), code.end()});
  return code;
}

cudaKernel_t Jit::kernel(const std::string& source, const std::string& name) {
  Entry* entry = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& place = kernels_[source];
    if (!place) place = std::make_unique<Entry>();
    entry = place.get();
  }
  std::call_once(entry->once, [&] {
    const auto code = code_of(source);
    cudaLibrary_t loaded = nullptr;
    cuda::check(cudaLibraryLoadData(&loaded, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
                "loading a kernel");
    entry->library.reset(loaded);
    cuda::check(cudaLibraryGetKernel(&entry->kernel, loaded, name.c_str()), "loading a kernel");
  });
  return entry->kernel;
}

void launch_pointwise(cudaKernel_t kernel, const std::vector<std::int64_t>& threads, const std::vector<void*>& operands,
                      cudaStream_t stream) {
  struct Arguments {
    void* pointers[kMostPointwiseOperands];
    unsigned long long threads[kMostPointwiseOperands];
  } arguments{};
  std::ranges::copy(operands, arguments.pointers);
  std::ranges::copy(threads, arguments.threads);
  const std::int64_t most = std::ranges::max(threads);
  if (most == 0) return;
  void* list[] = {&arguments};
  cudaLaunchAttribute early{};  // the kernel begins by waiting for those in front
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>((most + 255) / 256), static_cast<unsigned>(threads.size()));
  config.blockDim = dim3(256);
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  cuda::check(cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(kernel), list),
              "starting an elementwise kernel");
}

}  // namespace comfystream::backend::cuda
