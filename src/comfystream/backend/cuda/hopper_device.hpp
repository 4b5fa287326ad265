// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace comfystream::backend::cuda {

/// Whether kernels of Hopper's own instructions (hopper.cuh) run on the current device: it is of compute
/// capability 9.0, and this build is for its instructions (90a). Elsewhere such kernels are empty, and no candidates.
[[nodiscard]] bool runs_hopper_kernels();

/// Of the current device.
[[nodiscard]] int count_multiprocessors();

}  // namespace comfystream::backend::cuda
