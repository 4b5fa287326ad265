// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/test_pattern_source.hpp"

#include "comfystream/media/frame_marks.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace comfystream::media {
namespace {

constexpr int kMaxSide = 16384;

Error bad_pattern(const std::string& text) {
  return {ErrorCode::kInvalidArgument, "cannot read the test pattern \"" + text + "\"",
          "testpattern:WxH@FPSxFRAMES, for example testpattern:512x512@24x120"};
}

/// Takes a number off the front of `text`; false when there is none in 1..most.
template <typename Number>
bool take_number(std::string_view& text, Number most, Number& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || number < 1 || number > most) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

int target(int wanted, int own) { return wanted > 0 ? wanted : own; }

}  // namespace

TestPattern parse_test_pattern(const std::string& text) {
  TestPattern pattern;
  std::string_view rest = text;
  if (rest.empty()) return pattern;
  bool good =
      take_number(rest, kMaxSide, pattern.width) && take_char(rest, 'x') && take_number(rest, kMaxSide, pattern.height);
  if (good && take_char(rest, '@')) {
    good = take_number(rest, 240'000, pattern.rate.numerator);
    if (good && take_char(rest, '/')) good = take_number(rest, 10'000, pattern.rate.denominator);
    if (good && take_char(rest, 'x')) good = take_number<std::uint64_t>(rest, 1'000'000'000'000ULL, pattern.frames);
  }
  if (!good || !rest.empty()) throw bad_pattern(text);
  return pattern;
}

TestPatternSource::TestPatternSource(const TestPattern& pattern, const SourceOptions& options)
    : pattern_(pattern),
      fitter_(options.fit, target(options.width, pattern.width), target(options.height, pattern.height)),
      stream_id_(options.stream_id),
      pool_(PicturePool::create(PixelFormat::kRgb8, fitter_.width(), fitter_.height())),
      own_size_(PixelFormat::kRgb8, pattern.width, pattern.height) {
  info_.width = fitter_.width();
  info_.height = fitter_.height();
  info_.source_width = pattern.width;
  info_.source_height = pattern.height;
  info_.rate = pattern.rate;
  if (pattern.frames > 0) {
    info_.frame_count = pattern.frames;
    info_.duration = pts_of(pattern.frames, pattern.rate);
  }
  info_.description = "test pattern, " + std::to_string(pattern.width) + "x" + std::to_string(pattern.height);

  const int period = pattern.width;
  backdrop_.resize(static_cast<std::size_t>(period) * 2 * 3);
  for (int x = 0; x < 2 * period; ++x) {
    // A ramp up and down, so that it meets itself where the row repeats.
    const int ramp = std::min(x % period, period - x % period) * 510 / period;
    const auto at = static_cast<std::size_t>(x) * 3;
    backdrop_[at] = static_cast<std::byte>(std::min(ramp, 255));
    backdrop_[at + 1] = static_cast<std::byte>(255 - std::min(ramp, 255) / 2);
    backdrop_[at + 2] = static_cast<std::byte>(64 + std::min(ramp, 255) / 4);
  }
}

void TestPatternSource::draw(Picture& picture, std::uint64_t index) const {
  const auto width = static_cast<std::uint64_t>(pattern_.width);
  const auto height = static_cast<std::uint64_t>(pattern_.height);
  std::byte* out = picture.bytes().data();
  for (std::uint64_t y = 0; y < height; ++y) {
    const std::uint64_t shift = (index * 3 + y / 2) % width;
    std::memcpy(out + y * width * 3, backdrop_.data() + shift * 3, width * 3);
  }
  const std::uint64_t side = std::max<std::uint64_t>(1, std::min(width, height) / 5);
  const std::uint64_t left = index * 5 % (width - side + 1);
  const std::uint64_t top = index * 2 % (height - side + 1);
  for (std::uint64_t y = top; y < top + side; ++y) {
    std::byte* row = out + (y * width + left) * 3;
    for (std::uint64_t x = 0; x < side; ++x) {
      row[3 * x] = static_cast<std::byte>(255 - 2 * (y - top) % 128);
      row[3 * x + 1] = static_cast<std::byte>(x * 255 / side);
      row[3 * x + 2] = std::byte{32};
    }
  }
  draw_frame_mark(picture, index);
}

ReadStatus TestPatternSource::read(Frame& frame) {
  if (stopped()) return ReadStatus::kStopped;
  if (pattern_.frames > 0 && next_ == pattern_.frames) return ReadStatus::kEnd;
  frame.picture = pool_->acquire();
  if (info_.width == pattern_.width && info_.height == pattern_.height) {
    draw(frame.picture, next_);
  } else {
    draw(own_size_, next_);
    fitter_.fit({reinterpret_cast<const std::uint8_t*>(own_size_.bytes().data()), pattern_.width, pattern_.height,
                 static_cast<std::size_t>(pattern_.width) * 3},
                frame.picture.bytes());
  }
  frame.stream_id = stream_id_;
  frame.id = next_;
  frame.pts = pts_of(next_, pattern_.rate);
  frame.arrival = std::chrono::steady_clock::now();
  ++next_;
  return ReadStatus::kFrame;
}

}  // namespace comfystream::media
