// SPDX-License-Identifier: Apache-2.0
// Timing what a step could run, before there is a batch.
#pragma once

#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/program.hpp"

#include <functional>
#include <string>
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

/// What `run` takes on memory of its own, told by the cache under `key`, else measured with the device to itself; 0
/// where it is not known and nothing is measured. Not to be called by who has the device alone.
[[nodiscard]] float time_once(Libraries& libraries, const std::string& key, const std::vector<View>& views,
                              const std::function<void(const Launch&)>& run);

}  // namespace comfystream::backend::cuda
