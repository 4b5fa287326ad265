// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/fit.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace comfystream::media {
namespace {

struct Interval {
  double begin;
  double end;
};

/// The middle `length` of an axis with `size` samples.
Interval middle(int size, double length) {
  const double margin = (size - length) / 2;
  return {margin, size - margin};
}

}  // namespace

FitMode parse_fit(std::string_view text) {
  for (const FitMode mode : {FitMode::kCover, FitMode::kContain, FitMode::kStretch}) {
    if (text == to_string(mode)) return mode;
  }
  throw Error(ErrorCode::kInvalidArgument, "unknown fit \"" + std::string(text) + "\"", "cover, contain or stretch");
}

std::string_view to_string(FitMode mode) noexcept {
  switch (mode) {
    case FitMode::kCover:
      return "cover";
    case FitMode::kContain:
      return "contain";
    case FitMode::kStretch:
      return "stretch";
  }
  return "unknown";
}

Fitter::Fitter(FitMode mode, int width, int height) : mode_(mode), width_(width), height_(height) {
  if (width <= 0 || height <= 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "pictures of " + std::to_string(width) + "x" + std::to_string(height) + " pixels", "give --size WxH");
  }
}

void Fitter::make_plan(const RgbView& source) {
  const double aspect = source.pixel_aspect > 0 ? source.pixel_aspect : 1.0;
  // Output pixels for one source pixel, across and down, that would just fill each axis.
  const double fill_x = width_ / (source.width * aspect);
  const double fill_y = static_cast<double>(height_) / source.height;
  Interval columns{0, static_cast<double>(source.width)};
  Interval rows{0, static_cast<double>(source.height)};
  int out_width = width_;
  int out_height = height_;
  if (mode_ == FitMode::kCover) {
    const double scale = std::max(fill_x, fill_y);
    columns = middle(source.width, std::min<double>(source.width, width_ / (scale * aspect)));
    rows = middle(source.height, std::min<double>(source.height, height_ / scale));
  } else if (mode_ == FitMode::kContain) {
    const double scale = std::min(fill_x, fill_y);
    out_width = std::clamp(static_cast<int>(std::lround(source.width * aspect * scale)), 1, width_);
    out_height = std::clamp(static_cast<int>(std::lround(source.height * scale)), 1, height_);
  }
  plan_.emplace(Plan{AxisFilter(source.width, columns.begin, columns.end, out_width),
                     AxisFilter(source.height, rows.begin, rows.end, out_height), (width_ - out_width) / 2,
                     (height_ - out_height) / 2, out_width, out_height});
  row_.resize(static_cast<std::size_t>(source.width) * 3);
  source_width_ = source.width;
  source_height_ = source.height;
  source_aspect_ = source.pixel_aspect;
}

void Fitter::fit(const RgbView& source, std::span<std::byte> out) {
  auto* pixels = reinterpret_cast<std::uint8_t*>(out.data());
  const auto out_stride = static_cast<std::size_t>(width_) * 3;
  if (source.width == width_ && source.height == height_) {
    for (int y = 0; y < height_; ++y) {
      const auto row = static_cast<std::size_t>(y);
      std::memcpy(pixels + row * out_stride, source.pixels + row * source.stride, out_stride);
    }
    return;
  }
  if (source.width != source_width_ || source.height != source_height_ || source.pixel_aspect != source_aspect_) {
    make_plan(source);
  }
  if (plan_->width < width_ || plan_->height < height_) std::fill(out.begin(), out.end(), std::byte{0});
  for (int y = 0; y < plan_->height; ++y) {
    blend_rows(source, y);
    blend_columns(pixels + static_cast<std::size_t>(plan_->top + y) * out_stride +
                  static_cast<std::size_t>(plan_->left) * 3);
  }
}

void Fitter::blend_rows(const RgbView& source, int row) {
  // Rows first: this pass runs over contiguous bytes and vectorises, and leaves the other axis one row to work on.
  const auto begin = static_cast<std::size_t>(plan_->columns.first()) * 3;
  const auto end = static_cast<std::size_t>(plan_->columns.last()) * 3;
  const AxisFilter::Taps taps = plan_->rows[row];
  const std::uint8_t* from = source.pixels + static_cast<std::size_t>(taps.first) * source.stride;
  float* to = row_.data();
  for (std::size_t x = begin; x < end; ++x) to[x] = taps.weights[0] * static_cast<float>(from[x]);
  for (std::size_t k = 1; k < taps.weights.size(); ++k) {
    from += source.stride;
    const float weight = taps.weights[k];
    for (std::size_t x = begin; x < end; ++x) to[x] += weight * static_cast<float>(from[x]);
  }
}

void Fitter::blend_columns(std::uint8_t* out) const {
  for (int x = 0; x < plan_->width; ++x) {
    const AxisFilter::Taps taps = plan_->columns[x];
    const float* from = row_.data() + static_cast<std::size_t>(taps.first) * 3;
    float red = 0.5F;  // rounds to the nearest byte
    float green = 0.5F;
    float blue = 0.5F;
    for (const float weight : taps.weights) {
      red += weight * from[0];
      green += weight * from[1];
      blue += weight * from[2];
      from += 3;
    }
    // Weights that add up to 1 within rounding cannot bring 255 to 256, so the conversion needs no clamp.
    out[0] = static_cast<std::uint8_t>(red);
    out[1] = static_cast<std::uint8_t>(green);
    out[2] = static_cast<std::uint8_t>(blue);
    out += 3;
  }
}

}  // namespace comfystream::media
