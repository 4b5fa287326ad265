// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/step_times.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/slot.hpp"
#include "comfystream/backend/cuda/timing.hpp"

#include <algorithm>

#include <cudnn.h>

namespace comfystream::backend {
namespace cuda {
namespace {

// An elementwise kernel of ours often moves bytes faster than the runtime's own copy.
float time_copy_kernel(std::byte* from, std::byte* to, std::size_t bytes, cudaStream_t stream) {
  const auto count = static_cast<std::int64_t>(bytes / sizeof(float));
  const View source{0, DType::kF32, {count}, {1}, 0};
  const View target{1, DType::kF32, {count}, {1}, 0};
  const PointwiseKernel kernel = make_pointwise_kernel({{target, {source}, {}, "a0"}});
  PlanStore store({}, "");
  Jit jit(store);
  cudaKernel_t compiled = jit.kernel(kernel.source, "pointwise");
  return time_launch([&](cudaStream_t s) { launch_pointwise(compiled, kernel.threads, {to, from}, s); }, stream);
}

}  // namespace

std::vector<StepTime> time_steps(CudaExecutable& executable, std::int64_t batch_size) {
  const auto slot = executable.make_slot();
  executable.enqueue(*slot, batch_size);  // values that steps which read others' results can work on
  executable.wait(*slot);
  const auto& compiled = executable.engine().compiled(batch_size);
  const auto times =
      executable.engine().time_steps(compiled, dynamic_cast<CudaSlot&>(*slot).addresses(compiled, batch_size));
  std::vector<StepTime> result;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto& step = compiled.program.steps[i];
    result.push_back({step.what, step.scope, static_cast<double>(times[i]), step.flops, step.bytes});
  }
  return result;
}

DeviceCeilings measure_ceilings(int device, DType precision) {
  check(cudaSetDevice(device), "choosing the device");
  constexpr std::int64_t kSide = 8192;
  constexpr std::size_t kBytes = std::size_t{512} << 20U;
  const DeviceBuffer from(kBytes, "measuring the card");
  const DeviceBuffer to(kBytes, "measuring the card");
  const DeviceBuffer scratch(kGemmWorkspace, "measuring the card");
  // Patterns that are ordinary numbers: zeros would run faster.
  check(cudaMemset(from.data(), 0x2D, kBytes), "measuring the card");
  TuningCache cache({}, "");
  DeviceUse use;
  GemmLibrary gemm(cache, use, true);
  GemmProblem problem;
  problem.type = problem.y_type = precision;
  problem.rows = problem.out = problem.in = problem.x_stride = problem.y_stride = problem.residual_stride = kSide;
  gemm.prepare(problem);
  const GemmPointers pointers{from.data(), from.data() + kBytes / 2, nullptr, nullptr, to.data(), scratch.data()};
  const Stream stream = make_stream();
  const float product = time_launch([&](cudaStream_t s) { gemm.run(problem, pointers, s); }, stream.get());
  const float copy = time_launch(
      [&](cudaStream_t s) {
        check(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyDeviceToDevice, s), "measuring the card");
      },
      stream.get());
  const float best = std::min(copy, time_copy_kernel(from.data(), to.data(), kBytes, stream.get()));
  const double side = static_cast<double>(kSide);
  return {2.0 * side * side * side * 1e6 / static_cast<double>(product),
          2.0 * static_cast<double>(kBytes) * 1e6 / static_cast<double>(best)};
}

}  // namespace cuda

std::string cuda_library_versions() {
  int runtime = 0;
  cuda::check(cudaRuntimeGetVersion(&runtime), "asking for a version");
  const auto dotted = [](std::size_t version, std::size_t major) {
    const std::size_t rest = version % major;
    const std::size_t minor = major / 100;
    return std::to_string(version / major) + "." + std::to_string(rest / minor) + "." + std::to_string(rest % minor);
  };
  return "CUDA " + std::to_string(runtime / 1000) + "." + std::to_string(runtime % 1000 / 10) + ", cuDNN " +
         dotted(cudnnGetVersion(), 10000) + ", cuBLASLt " + dotted(cublasLtGetVersion(), 10000);
}

double device_memory_used_mib() {
  std::size_t free = 0;
  std::size_t total = 0;
  cuda::check(cudaMemGetInfo(&free, &total), "asking for memory");
  return static_cast<double>(total - free) / (1024.0 * 1024.0);
}

}  // namespace comfystream::backend
