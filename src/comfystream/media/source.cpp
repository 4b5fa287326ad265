// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/source.hpp"

namespace comfystream::media {

Pts pts_of(std::uint64_t index, FrameRate rate) noexcept {
  // Whole multiples of `numerator` frames last whole seconds, so only the rest needs a division: no overflow, no drift.
  const auto frames = static_cast<std::uint64_t>(rate.numerator);
  const auto seconds = static_cast<std::uint64_t>(rate.denominator);
  const std::uint64_t whole = index / frames * seconds;
  const std::uint64_t rest = index % frames * seconds;
  const std::uint64_t nanoseconds = (rest * 1'000'000'000ULL + frames / 2) / frames;
  return std::chrono::seconds(whole) + Pts(nanoseconds);
}

}  // namespace comfystream::media
