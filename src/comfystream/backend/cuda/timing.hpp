// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Microseconds of device time that `launch` takes, from replays of a captured run of several, so that the host's
/// share does not count. `launch` throws Error when it cannot run; so does this.
[[nodiscard]] float time_launch(const std::function<void(cudaStream_t)>& launch, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
