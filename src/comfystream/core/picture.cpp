// SPDX-License-Identifier: Apache-2.0
#include "comfystream/device.hpp"
#include "comfystream/error.hpp"

#include <cstring>
#include <string>
#include <utility>

namespace comfystream {

Picture::Picture(PixelFormat format, int width, int height) : format_(format), width_(width), height_(height) {
  if (width <= 0 || height <= 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "a picture of " + std::to_string(width) + "x" + std::to_string(height) + " pixels");
  }
  memory_ = new std::byte[size_bytes()];
}

Picture::Picture(PixelFormat format, int width, int height, std::byte* memory,
                 std::shared_ptr<PictureRecycler> recycler)
    : memory_(memory), recycler_(std::move(recycler)), format_(format), width_(width), height_(height) {}

Picture Picture::on_device(PixelFormat format, int width, int height, std::byte* memory,
                           std::shared_ptr<DeviceMemory> keeper) {
  DeviceMemory* device = keeper.get();
  Picture picture(format, width, height, memory, std::move(keeper));
  picture.device_ = device;
  return picture;
}

Picture Picture::clone() const {
  if (empty()) return {};
  if (device_ != nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "a picture on device " + std::to_string(device_->device()) + " cannot be copied by the host");
  }
  Picture copy(format_, width_, height_);
  std::memcpy(copy.memory_, memory_, size_bytes());
  return copy;
}

void Picture::release() noexcept {
  if (memory_ == nullptr) return;
  if (recycler_) {
    recycler_->recycle(memory_);
    recycler_.reset();
  } else {
    delete[] memory_;
  }
  memory_ = nullptr;
  device_ = nullptr;
  width_ = height_ = 0;
}

void Picture::swap(Picture& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(recycler_, other.recycler_);
  std::swap(device_, other.device_);
  std::swap(format_, other.format_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
}

}  // namespace comfystream
