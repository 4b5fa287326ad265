// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/device.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace comfystream::backend::cuda {

/// Pictures in a card's memory that goes round: what take() hands out comes back when the picture is destroyed, on any
/// thread, and is written again after what its last user has queued (DeviceMemory::used_on). Allocates while more
/// pictures are out than ever before, and not afterwards. Lives until its last picture has gone.
class PicturesOnDevice : public std::enable_shared_from_this<PicturesOnDevice> {
 public:
  [[nodiscard]] static std::shared_ptr<PicturesOnDevice> create(int device);
  ~PicturesOnDevice();
  PicturesOnDevice(const PicturesOnDevice&) = delete;
  PicturesOnDevice& operator=(const PicturesOnDevice&) = delete;

  /// A picture with undefined pixels. Throws Error(kOutOfMemory).
  [[nodiscard]] Picture take(PixelFormat format, int width, int height);

 private:
  class Block;
  explicit PicturesOnDevice(int device);
  std::shared_ptr<Block> find(std::size_t bytes);

  int device_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Block>> ready_;  // its capacity covers all there are, so that coming back cannot allocate
  std::size_t count_ = 0;
};

}  // namespace comfystream::backend::cuda
