// SPDX-License-Identifier: Apache-2.0
// Test double: a plan whose faults and timing a test decides.
#pragma once

#include "comfystream/device.hpp"
#include "comfystream/error.hpp"
#include "comfystream/stream/batch_plan.hpp"

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace comfystream::stream {

struct FakePlanOptions {
  PictureSpec input{PixelFormat::kRgb8, 4, 2};
  PictureSpec output{PixelFormat::kRgb8, 4, 2};
  int max_batch = 4;
  std::vector<int> compiled_sizes{};  ///< empty: any
  std::uint8_t add = 0;               ///< added to every byte
  bool reaches_device = false;        ///< cards are FakeCardMemory
  bool taps = false;                  ///< a tap "t" beside the output: its input row as it came
  std::function<void(int batch_size)> on_enqueue{};
  std::function<void(int batch_size)> on_wait{};
  std::function<Duration(int batch_size)> device_time{};
};

/// Stands for a card's memory: the host's, but only this plan and a test look at it.
class FakeCardMemory final : public DeviceMemory {
 public:
  explicit FakeCardMemory(std::size_t bytes, std::shared_ptr<int> alive = std::make_shared<int>())
      : bytes_(bytes), alive_(std::move(alive)) {}
  int device() const noexcept override { return 7; }
  void* ready() const noexcept override { return nullptr; }
  void used_on(std::uintptr_t /*stream*/) noexcept override {}
  void recycle(std::byte* /*memory*/) noexcept override { alive_.reset(); }

  [[nodiscard]] static Picture picture(PictureSpec spec, const std::shared_ptr<int>& alive = std::make_shared<int>()) {
    auto memory = std::make_shared<FakeCardMemory>(spec.size_bytes(), alive);
    std::byte* address = memory->bytes_.data();
    return Picture::on_device(spec.format, spec.width, spec.height, address, std::move(memory));
  }

 private:
  std::vector<std::byte> bytes_;
  std::shared_ptr<int> alive_;  // shared by those that have not been given back
};

/// Copies each byte of its input row, plus `add`, to the output row.
class FakePlan final : public BatchPlan {
 public:
  explicit FakePlan(FakePlanOptions options) : options_(std::move(options)) {}

  PictureSpec input() const override { return options_.input; }
  PictureSpec output() const override { return options_.output; }
  std::vector<TapSpec> taps() const override {
    return options_.taps ? std::vector<TapSpec>{{"7", "t", options_.input}} : std::vector<TapSpec>{};
  }
  int max_batch() const override { return options_.max_batch; }
  int run_size(int frames) const override {
    for (const int size : options_.compiled_sizes) {
      if (size >= frames) return size;
    }
    return frames;
  }
  std::unique_ptr<Slot> make_slot() override { return std::make_unique<FakeSlot>(options_); }

  void enqueue(Slot& slot, int batch_size) override {
    auto& fake = static_cast<FakeSlot&>(slot);
    fake.batch_size = batch_size;
    if (options_.on_enqueue) options_.on_enqueue(batch_size);
    for (const auto& [row, address] : fake.read) std::memcpy(fake.input_row(row).data(), address, fake.row);
    for (std::size_t i = 0; i < options_.input.size_bytes() * static_cast<std::size_t>(batch_size); ++i) {
      fake.out[i] = static_cast<std::byte>(std::to_integer<int>(fake.in[i]) + options_.add);
    }
    for (const auto& [row, address] : fake.written) std::memcpy(address, fake.output_row(row).data(), fake.row);
  }
  void wait(Slot& slot) override {
    if (options_.on_wait) options_.on_wait(static_cast<FakeSlot&>(slot).batch_size);
  }
  Duration device_time(const Slot& slot) const override {
    const int size = static_cast<const FakeSlot&>(slot).batch_size;
    return options_.device_time ? options_.device_time(size) : Duration(1000 * size);
  }

 private:
  struct FakeSlot final : Slot {
    explicit FakeSlot(const FakePlanOptions& options)
        : row(options.input.size_bytes()),
          in(row * static_cast<std::size_t>(options.max_batch)),
          out(row * static_cast<std::size_t>(options.max_batch)),
          spec(options.output),
          on_card(options.reaches_device) {}
    std::span<std::byte> input_row(int i) override {
      return std::span(in).subspan(row * static_cast<std::size_t>(i), row);
    }
    std::span<const std::byte> output_row(int i) const override {
      return std::span(out).subspan(row * static_cast<std::size_t>(i), row);
    }
    std::span<const std::byte> tap_row(std::size_t /*tap*/, int i) const override {
      return std::span(in).subspan(row * static_cast<std::size_t>(i), row);
    }
    bool reaches_device() const override { return on_card; }
    void clear_rows() override {
      read.clear();
      written.clear();
    }
    void read_row(int i, const Picture& picture) override { read.emplace_back(i, picture.address()); }
    Picture write_row(int i, PixelFormat format) override {
      Picture picture = FakeCardMemory::picture({format, spec.width, spec.height});
      written.emplace_back(i, picture.address());
      return picture;
    }
    std::size_t row;
    std::vector<std::byte> in;
    std::vector<std::byte> out;
    PictureSpec spec;
    bool on_card;
    std::vector<std::pair<int, std::byte*>> read;
    std::vector<std::pair<int, std::byte*>> written;
    int batch_size = 0;
  };

  FakePlanOptions options_;
};

/// A frame whose every byte is `mark`.
inline Frame marked_frame(std::uint32_t stream_id, std::uint64_t id, PictureSpec spec = {PixelFormat::kRgb8, 4, 2}) {
  Frame frame;
  frame.stream_id = stream_id;
  frame.id = id;
  frame.pts = Pts(static_cast<std::int64_t>(id) * 1000);
  frame.picture = Picture(spec.format, spec.width, spec.height);
  std::memset(frame.picture.bytes().data(), static_cast<int>((id * 7 + stream_id * 31) & 0x7F), spec.size_bytes());
  return frame;
}

inline std::uint8_t mark_of(std::uint32_t stream_id, std::uint64_t id) {
  return static_cast<std::uint8_t>((id * 7 + stream_id * 31) & 0x7F);
}

}  // namespace comfystream::stream
