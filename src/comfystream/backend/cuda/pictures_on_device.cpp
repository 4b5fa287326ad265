// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/pictures_on_device.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

namespace comfystream::backend::cuda {

class PicturesOnDevice::Block final : public DeviceMemory, public std::enable_shared_from_this<Block> {
 public:
  Block(int device, std::size_t bytes)
      : device_(device), buffer_(bytes, "pictures that leave on the card"), ready_(make_event(false)) {}

  int device() const noexcept override { return device_; }
  void* ready() const noexcept override { return ready_.get(); }
  void used_on(std::uintptr_t stream) noexcept override { user_ = stream; }

  void recycle(std::byte* /*memory*/) noexcept override {
    if (user_) note_use(*user_);
    user_.reset();
    // Only while it is out does a block keep its pool.
    const std::shared_ptr<PicturesOnDevice> pool = std::move(pool_);
    const std::lock_guard lock(pool->mutex_);
    pool->ready_.push_back(shared_from_this());
  }

  [[nodiscard]] std::byte* memory() const noexcept { return buffer_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return buffer_.size(); }
  void leave(std::shared_ptr<PicturesOnDevice> pool) noexcept { pool_ = std::move(pool); }

 private:
  void note_use(std::uintptr_t stream) const noexcept {
    const DeviceScope scope(device_);
    const bool noted =
        stream != kAnyStream && cudaEventRecord(ready_.get(), std::bit_cast<cudaStream_t>(stream)) == cudaSuccess;
    if (noted) return;
    static_cast<void>(cudaGetLastError());
    static_cast<void>(cudaDeviceSynchronize());
  }

  int device_;
  DeviceBuffer buffer_;
  Event ready_;
  std::optional<std::uintptr_t> user_;
  std::shared_ptr<PicturesOnDevice> pool_;
};

PicturesOnDevice::PicturesOnDevice(int device) : device_(device) {}
PicturesOnDevice::~PicturesOnDevice() = default;

std::shared_ptr<PicturesOnDevice> PicturesOnDevice::create(int device) {
  return std::shared_ptr<PicturesOnDevice>(new PicturesOnDevice(device));
}

std::shared_ptr<PicturesOnDevice::Block> PicturesOnDevice::find(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  // The one that has been back longest: its last user is most likely done.
  const auto found = std::ranges::find(ready_, bytes, &Block::size);
  if (found == ready_.end()) return nullptr;
  std::shared_ptr<Block> block = std::move(*found);
  ready_.erase(found);
  return block;
}

Picture PicturesOnDevice::take(PixelFormat format, int width, int height) {
  const std::size_t bytes =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * bytes_per_pixel(format);
  std::shared_ptr<Block> block = find(bytes);
  if (!block) {
    const DeviceScope scope(device_);
    block = std::make_shared<Block>(device_, bytes);
    const std::lock_guard lock(mutex_);
    ready_.reserve(++count_);
  }
  block->leave(shared_from_this());
  std::byte* memory = block->memory();
  return Picture::on_device(format, width, height, memory, std::move(block));
}

}  // namespace comfystream::backend::cuda
