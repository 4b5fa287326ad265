// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace comfystream::media {

/// Which source samples, with which weights, make each output sample of one axis: the triangle filter, widened by the
/// scale when the axis shrinks, so that every source sample counts (as Pillow's BILINEAR resize with a box).
class AxisFilter {
 public:
  struct Taps {
    int first = 0;                   ///< first source sample
    std::span<const float> weights;  ///< of samples first, first + 1, ...; they add up to 1
  };

  /// Maps the source interval [begin, end) of an axis with `source_size` samples onto `output_size` samples.
  AxisFilter(int source_size, double begin, double end, int output_size);

  [[nodiscard]] Taps operator[](int output) const noexcept;
  /// First and one past the last source sample that any output sample uses.
  [[nodiscard]] int first() const noexcept { return first_; }
  [[nodiscard]] int last() const noexcept { return last_; }

 private:
  struct Entry {
    int first = 0;
    int offset = 0;
    int count = 0;
  };
  std::vector<Entry> entries_;
  std::vector<float> weights_;
  int first_ = 0;
  int last_ = 0;
};

}  // namespace comfystream::media
