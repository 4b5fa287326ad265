// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/step_times.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/slot.hpp"
#include "comfystream/error.hpp"

#include <cudnn.h>

namespace comfystream::backend {

std::vector<StepTime> time_steps(Executable& executable, std::int64_t batch_size) {
  auto* own = dynamic_cast<cuda::CudaExecutable*>(&executable);
  if (own == nullptr) throw Error(ErrorCode::kInvalidArgument, "only the cuda backend's executables have timed steps");
  const auto slot = own->make_slot();
  own->enqueue(*slot, batch_size);  // values that steps which read others' results can work on
  own->wait(*slot);
  const auto& compiled = own->engine().compiled(batch_size);
  const auto times =
      own->engine().time_steps(compiled, dynamic_cast<cuda::CudaSlot&>(*slot).addresses(compiled, batch_size));
  std::vector<StepTime> result;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto& step = compiled.program.steps[i];
    result.push_back({step.what, step.scope, times[i]});
  }
  return result;
}

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
