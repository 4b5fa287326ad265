// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/timing.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {

float time_launch(const std::function<void(cudaStream_t)>& launch, cudaStream_t stream) {
  constexpr int kLaunches = 8;
  constexpr int kRounds = 4;
  launch(stream);  // outside the capture: first uses load code
  check(cudaStreamSynchronize(stream), "timing a kernel");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "timing a kernel");
  cudaGraph_t captured = nullptr;
  try {
    for (int i = 0; i < kLaunches; ++i) launch(stream);
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(stream, &captured));
    const CudaGraph dropped(captured);
    throw;
  }
  check(cudaStreamEndCapture(stream, &captured), "timing a kernel");
  const CudaGraph graph(captured);
  cudaGraphExec_t instantiated = nullptr;
  check(cudaGraphInstantiate(&instantiated, captured, 0), "timing a kernel");
  const CudaGraphExec exec(instantiated);
  const Event begin = make_event(true);
  const Event end = make_event(true);
  float best = 1e30F;
  for (int round = 0; round < kRounds; ++round) {
    check(cudaEventRecord(begin.get(), stream), "timing a kernel");
    check(cudaGraphLaunch(exec.get(), stream), "timing a kernel");
    check(cudaEventRecord(end.get(), stream), "timing a kernel");
    check(cudaEventSynchronize(end.get()), "timing a kernel");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "timing a kernel");
    if (round > 0) best = std::min(best, milliseconds * 1000.0F / kLaunches);
  }
  return best;
}

}  // namespace comfystream::backend::cuda
