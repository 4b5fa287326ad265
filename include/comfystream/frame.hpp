// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace comfystream {

enum class PixelFormat : std::uint8_t {
  kRgb8,    ///< 3 bytes a pixel, 0..255
  kRgbF32,  ///< 3 floats a pixel, 0..1
};

/// Bytes of one pixel.
[[nodiscard]] constexpr std::size_t bytes_per_pixel(PixelFormat format) noexcept {
  return format == PixelFormat::kRgb8 ? 3 : 12;
}

/// Where a picture's memory goes back to. Implementations are thread-safe.
class PictureRecycler {
 public:
  virtual ~PictureRecycler() = default;
  virtual void recycle(std::byte* memory) noexcept = 0;
};

class DeviceMemory;

/// Rows of RGB pixels without padding, top row first, in memory that is the picture's own until it is destroyed or
/// moved from; on the host, or (see device.hpp) on a card. Move-only: pictures are handed on, never copied by accident
/// (use clone()).
class Picture {
 public:
  Picture() = default;
  /// Memory of its own, uninitialised. Sizes are positive, or Error.
  Picture(PixelFormat format, int width, int height);
  /// Memory from a pool; goes back to `recycler` at the end.
  Picture(PixelFormat format, int width, int height, std::byte* memory, std::shared_ptr<PictureRecycler> recycler);
  /// Memory on a card, which `keeper` keeps.
  [[nodiscard]] static Picture on_device(PixelFormat format, int width, int height, std::byte* memory,
                                         std::shared_ptr<DeviceMemory> keeper);
  ~Picture() { release(); }
  Picture(Picture&& other) noexcept { swap(other); }
  Picture& operator=(Picture&& other) noexcept {
    if (this != &other) {
      release();
      swap(other);
    }
    return *this;
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  [[nodiscard]] bool empty() const noexcept { return memory_ == nullptr; }
  [[nodiscard]] PixelFormat format() const noexcept { return format_; }
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * bytes_per_pixel(format_);
  }
  /// Empty for a picture on a card, whose memory the host cannot reach.
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {memory_, host_bytes()}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory_, host_bytes()}; }
  /// On the host; Error(kUnsupported) for a picture on a card.
  [[nodiscard]] Picture clone() const;
  /// What keeps the memory on a card; none for a picture on the host.
  [[nodiscard]] DeviceMemory* device() const noexcept { return device_; }
  /// Of the first pixel, on the host or on the card.
  [[nodiscard]] std::byte* address() const noexcept { return memory_; }

 private:
  void release() noexcept;
  void swap(Picture& other) noexcept;
  [[nodiscard]] std::size_t host_bytes() const noexcept { return device_ == nullptr ? size_bytes() : 0; }

  std::byte* memory_ = nullptr;
  std::shared_ptr<PictureRecycler> recycler_;
  DeviceMemory* device_ = nullptr;  ///< the recycler, where the memory is a card's
  PixelFormat format_ = PixelFormat::kRgb8;
  int width_ = 0;
  int height_ = 0;
};

/// Presentation time since the stream's start.
using Pts = std::chrono::nanoseconds;

/// One picture of a stream on its way in.
struct Frame {
  std::uint32_t stream_id = 0;
  std::uint64_t id = 0;  ///< counts up from 0 within the stream
  Pts pts{0};
  std::chrono::steady_clock::time_point arrival{};  ///< when it entered the program
  Picture picture;
};

enum class FrameOutcome : std::uint8_t {
  kDone,         ///< processed
  kPassthrough,  ///< processing failed; the input picture is sent on (on_error=passthrough)
  kDropped,      ///< the queue was full and its policy chose this frame
  kFailed,       ///< processing failed; no picture
  kFlushed,      ///< the stream was flushed or stopped before it ran
};

/// What became of a frame. Every frame that enters leaves exactly once, in the order of its stream.
struct FrameResult {
  FrameOutcome outcome = FrameOutcome::kDone;
  Frame frame;         ///< id and pts of the input; the picture where there is one (done, passthrough)
  std::string reason;  ///< dropped: the policy's name; failed, passthrough: the error
};

}  // namespace comfystream
