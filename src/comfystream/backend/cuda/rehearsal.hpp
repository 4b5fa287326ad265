// SPDX-License-Identifier: Apache-2.0
// Timing what a step could run, before there is a batch.
#pragma once

#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/program.hpp"

#include <functional>
#include <vector>

namespace comfystream::backend::cuda {

/// Memory of its own for the buffers of some views, filled with ordinary numbers. Error(kOutOfMemory) when it does not
/// fit.
class Rehearsal {
 public:
  explicit Rehearsal(const std::vector<View>& views);
  /// Of the device; see time_launch(). `run` starts kernels on the views' buffers.
  [[nodiscard]] float microseconds(const std::function<void(const Launch&)>& run) const;

 private:
  std::vector<DeviceBuffer> memory_;
  std::vector<std::byte*> base_;  // by buffer
};

}  // namespace comfystream::backend::cuda
