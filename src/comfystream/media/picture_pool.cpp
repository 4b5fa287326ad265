// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/picture_pool.hpp"

#include "comfystream/error.hpp"

#include <string>

namespace comfystream::media {

std::shared_ptr<PicturePool> PicturePool::create(PixelFormat format, int width, int height) {
  if (width <= 0 || height <= 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "a pool of pictures of " + std::to_string(width) + "x" + std::to_string(height) + " pixels");
  }
  return std::shared_ptr<PicturePool>(new PicturePool(format, width, height));
}

PicturePool::PicturePool(PixelFormat format, int width, int height) : format_(format), width_(width), height_(height) {}

Picture PicturePool::acquire() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    const std::size_t size =
        static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * bytes_per_pixel(format_);
    // Room for every picture's return is made now, so that recycle() cannot fail.
    free_.reserve(owned_.size() + 1);
    owned_.push_back(std::unique_ptr<std::byte[]>(new std::byte[size]));
    free_.push_back(owned_.back().get());
  }
  std::byte* memory = free_.back();
  free_.pop_back();
  return {format_, width_, height_, memory, shared_from_this()};
}

void PicturePool::recycle(std::byte* memory) noexcept {
  const std::lock_guard lock(mutex_);
  free_.push_back(memory);
}

std::size_t PicturePool::allocated() const {
  const std::lock_guard lock(mutex_);
  return owned_.size();
}

}  // namespace comfystream::media
