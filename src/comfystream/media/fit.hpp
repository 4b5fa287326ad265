// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/axis_filter.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace comfystream::media {

/// How a picture of another shape comes to the wanted size.
enum class FitMode : std::uint8_t {
  kCover,    ///< fills it all; what sticks out is cut off, the same on both sides
  kContain,  ///< all of it is seen; black bars around
  kStretch,  ///< both axes scaled on their own
};

/// "cover", "contain" or "stretch"; anything else throws Error.
[[nodiscard]] FitMode parse_fit(std::string_view text);
[[nodiscard]] std::string_view to_string(FitMode mode) noexcept;

/// Somebody else's rows of 8-bit RGB.
struct RgbView {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  std::size_t stride = 0;     ///< bytes from one row to the next, at least 3 * width
  double pixel_aspect = 1.0;  ///< width of a pixel over its height
};

/// Brings pictures to one size, antialiased (AxisFilter in both axes, rounded to the nearest byte). A picture that has
/// the size already is copied unchanged. Works out the weights when the source's shape changes and allocates nothing
/// otherwise. One thread at a time.
class Fitter {
 public:
  /// Throws Error unless both sizes are positive.
  Fitter(FitMode mode, int width, int height);

  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }

  /// Writes width * height * 3 bytes to `out`.
  void fit(const RgbView& source, std::span<std::byte> out);

 private:
  struct Plan {
    AxisFilter columns;
    AxisFilter rows;
    int left, top, width, height;  // where the picture lies in the output
  };

  void make_plan(const RgbView& source);
  void blend_rows(const RgbView& source, int row);
  void blend_columns(std::uint8_t* out) const;

  FitMode mode_;
  int width_;
  int height_;
  int source_width_ = 0;
  int source_height_ = 0;
  double source_aspect_ = 0;
  std::optional<Plan> plan_;
  std::vector<float> row_;  // one output row at the source's horizontal resolution
};

}  // namespace comfystream::media
