// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/picture_pool.hpp"

#include <utility>

namespace comfystream::stream {

std::shared_ptr<PicturePool> PicturePool::create(PictureSpec spec, std::size_t count) {
  std::shared_ptr<PicturePool> pool(new PicturePool(spec));
  pool->reserve(count);
  return pool;
}

Picture PicturePool::take() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (!ready_.empty()) {
        std::byte* memory = ready_.back();
        ready_.pop_back();
        return {spec_.format, spec_.width, spec_.height, memory, shared_from_this()};
      }
    }
    add_one();
  }
}

void PicturePool::reserve(std::size_t count) {
  while (size() < count) add_one();
}

std::size_t PicturePool::size() const {
  const std::lock_guard lock(mutex_);
  return owned_.size();
}

void PicturePool::recycle(std::byte* memory) noexcept {
  const std::lock_guard lock(mutex_);
  ready_.push_back(memory);
}

void PicturePool::add_one() {
  // Zeroed, so that the pages exist before the first frame touches them; without the lock, because that takes time.
  auto memory = std::make_unique<std::byte[]>(spec_.size_bytes());
  const std::lock_guard lock(mutex_);
  owned_.push_back(nullptr);
  ready_.reserve(owned_.capacity());
  owned_.back() = std::move(memory);
  ready_.push_back(owned_.back().get());
}

}  // namespace comfystream::stream
