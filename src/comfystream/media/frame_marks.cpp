// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/frame_marks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace comfystream::media {
namespace {

constexpr int kSquares = kMarkColumns * kMarkRows;
constexpr int kBits = 16;

struct Square {
  int left, top, right, bottom;
};

double side_of(const Picture& picture) noexcept {
  return std::max(4.0, std::min(picture.width(), picture.height()) / 32.0);
}

bool has_room(const Picture& picture) noexcept {
  const double side = side_of(picture);
  return !picture.empty() && kMarkColumns * side <= picture.width() && kMarkRows * side <= picture.height();
}

/// Square `index` without the outer `margin` (a share of its side).
Square square(double side, int index, double margin) noexcept {
  const int column = index % kMarkColumns;
  const int row = index / kMarkColumns;
  const auto edge = [side](double squares) { return static_cast<int>(std::lround(squares * side)); };
  return {edge(column + margin), edge(row + margin), edge(column + 1 - margin), edge(row + 1 - margin)};
}

std::array<bool, kSquares> pattern(std::uint16_t number) noexcept {
  std::array<bool, kSquares> white{true, false};
  bool even = false;
  bool odd = false;
  for (int bit = 0; bit < kBits; ++bit) {
    const bool set = ((number >> bit) & 1) != 0;
    white[static_cast<std::size_t>(2 + kBits - 1 - bit)] = set;
    (bit % 2 == 0 ? even : odd) ^= set;
  }
  white[2 + kBits] = even;
  white[2 + kBits + 1] = odd;
  return white;
}

/// The value at byte or float `index` of the picture, 0..255.
double value_at(const Picture& picture, std::size_t index) noexcept {
  const std::byte* memory = picture.bytes().data();
  if (picture.format() == PixelFormat::kRgb8) return std::to_integer<int>(memory[index]);
  float value = 0;
  std::memcpy(&value, memory + index * sizeof(float), sizeof(float));
  return static_cast<double>(value) * 255.0;
}

void set_value(Picture& picture, std::size_t index, bool white) noexcept {
  std::byte* memory = picture.bytes().data();
  if (picture.format() == PixelFormat::kRgb8) {
    memory[index] = white ? std::byte{255} : std::byte{0};
    return;
  }
  const float value = white ? 1.0F : 0.0F;
  std::memcpy(memory + index * sizeof(float), &value, sizeof(float));
}

double mean(const Picture& picture, const Square& area) noexcept {
  double sum = 0;
  for (int y = area.top; y < area.bottom; ++y) {
    const auto row = static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width()) * 3;
    for (int x = area.left * 3; x < area.right * 3; ++x) sum += value_at(picture, row + static_cast<std::size_t>(x));
  }
  return sum / (3.0 * (area.right - area.left) * (area.bottom - area.top));
}

}  // namespace

void draw_frame_mark(Picture& picture, std::uint64_t number) noexcept {
  if (!has_room(picture)) return;
  const auto white = pattern(static_cast<std::uint16_t>(number));
  const double side = side_of(picture);
  for (int i = 0; i < kSquares; ++i) {
    const Square area = square(side, i, 0);
    for (int y = area.top; y < area.bottom; ++y) {
      const auto row = static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width()) * 3;
      for (int x = area.left * 3; x < area.right * 3; ++x) {
        set_value(picture, row + static_cast<std::size_t>(x), white[static_cast<std::size_t>(i)]);
      }
    }
  }
}

std::optional<std::uint16_t> read_frame_mark(const Picture& picture) noexcept {
  constexpr double kMargin = 0.25;    // chroma and ringing spill over the edges
  constexpr double kContrast = 48.0;  // between the reference squares, of 255
  constexpr double kDoubt = 0.2;      // a square this near the middle between them, as a share of it, is not read
  if (!has_room(picture)) return std::nullopt;
  const double side = side_of(picture);
  const double white = mean(picture, square(side, 0, kMargin));
  const double black = mean(picture, square(side, 1, kMargin));
  if (!(std::abs(white - black) >= kContrast)) return std::nullopt;

  std::array<bool, kSquares> seen{};
  std::uint16_t number = 0;
  for (int i = 0; i < kSquares; ++i) {
    const double level = (mean(picture, square(side, i, kMargin)) - black) / (white - black);
    if (!(std::abs(level - 0.5) >= kDoubt)) return std::nullopt;
    seen[static_cast<std::size_t>(i)] = level > 0.5;
    if (i >= 2 && i < 2 + kBits) number = static_cast<std::uint16_t>((number << 1) | (level > 0.5 ? 1 : 0));
  }
  return seen == pattern(number) ? std::optional(number) : std::nullopt;
}

}  // namespace comfystream::media
