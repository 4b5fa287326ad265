// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <shared_mutex>

namespace comfystream::backend::cuda {

/// Who uses a device while graphs are compiled: what is measured has it alone, uploads share it.
class DeviceUse {
 public:
  [[nodiscard]] std::unique_lock<std::shared_mutex> alone() { return std::unique_lock(mutex_); }
  [[nodiscard]] std::shared_lock<std::shared_mutex> shared() { return std::shared_lock(mutex_); }

 private:
  std::shared_mutex mutex_;
};

}  // namespace comfystream::backend::cuda
