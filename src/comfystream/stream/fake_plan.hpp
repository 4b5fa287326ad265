// SPDX-License-Identifier: Apache-2.0
// Test double: a plan whose faults and timing a test decides.
#pragma once

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
  bool taps = false;                  ///< a tap "t" beside the output: its input row as it came
  std::function<void(int batch_size)> on_enqueue{};
  std::function<void(int batch_size)> on_wait{};
  std::function<Duration(int batch_size)> device_time{};
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
    for (std::size_t i = 0; i < options_.input.size_bytes() * static_cast<std::size_t>(batch_size); ++i) {
      fake.out[i] = static_cast<std::byte>(std::to_integer<int>(fake.in[i]) + options_.add);
    }
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
          out(row * static_cast<std::size_t>(options.max_batch)) {}
    std::span<std::byte> input_row(int i) override {
      return std::span(in).subspan(row * static_cast<std::size_t>(i), row);
    }
    std::span<const std::byte> output_row(int i) const override {
      return std::span(out).subspan(row * static_cast<std::size_t>(i), row);
    }
    std::span<const std::byte> tap_row(std::size_t /*tap*/, int i) const override {
      return std::span(in).subspan(row * static_cast<std::size_t>(i), row);
    }
    std::size_t row;
    std::vector<std::byte> in;
    std::vector<std::byte> out;
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
