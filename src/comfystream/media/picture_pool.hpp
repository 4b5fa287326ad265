// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace comfystream::media {

/// Memory for pictures of one size, used again and again: allocates while more pictures are out than ever before, never
/// after that. How many can be out is bounded by the queues they travel through, not here. Thread-safe; the pool lives
/// until its last picture is gone.
class PicturePool final : public PictureRecycler, public std::enable_shared_from_this<PicturePool> {
 public:
  /// Throws Error unless the sizes are positive.
  [[nodiscard]] static std::shared_ptr<PicturePool> create(PixelFormat format, int width, int height);
  ~PicturePool() override = default;
  PicturePool(const PicturePool&) = delete;
  PicturePool& operator=(const PicturePool&) = delete;
  PicturePool(PicturePool&&) = delete;
  PicturePool& operator=(PicturePool&&) = delete;

  /// A picture with the bytes of whoever had it last. Throws std::bad_alloc.
  [[nodiscard]] Picture acquire();
  void recycle(std::byte* memory) noexcept override;

  /// Pictures ever allocated: the most that were out at a time.
  [[nodiscard]] std::size_t allocated() const;

 private:
  PicturePool(PixelFormat format, int width, int height);

  PixelFormat format_;
  int width_;
  int height_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> owned_;
  std::vector<std::byte*> free_;
};

}  // namespace comfystream::media
