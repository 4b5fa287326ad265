// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>

namespace comfystream::models {

/// The constants of trace_resize_u8, each made once: traces that share them get the same buffers, and so equal
/// structure fingerprints (graph/fingerprint.hpp). Thread-safe.
class ResizeTables {
 public:
  /// Both neighbours' weights of each of `out` elements, [out, in].
  [[nodiscard]] Tensor across(std::int64_t in, std::int64_t out);
  /// First neighbours' weights, then second ones': [2 * out, in].
  [[nodiscard]] Tensor down(std::int64_t in, std::int64_t out);

 private:
  enum class Kind : std::uint8_t { kAcross, kDown };

  std::mutex mutex_;  ///< guards made_
  std::map<std::array<std::int64_t, 3>, Tensor> made_;
};

/// cv2.resize(INTER_LINEAR) of 8-bit pictures, bit for bit (OpenCV 4.11 and 5.0 on x86): x [B, 1, h, w] of whole
/// numbers 0..255 in f32 -> [B, 1, height, width] of whole numbers. OpenCV weighs with 11 bits and drops bits between
/// the two passes (halving both sides, which it does by averaging, comes to the same). Every intermediate is a whole
/// number below 2^24 and every factor of a product has at most 11 bits, so that f32 (and TF32 with f32 sums) is exact.
/// Without `tables` the constants are made for this call.
[[nodiscard]] graph::Value trace_resize_u8(graph::Builder& builder, graph::Value x, std::int64_t height,
                                           std::int64_t width, ResizeTables* tables = nullptr);

}  // namespace comfystream::models
