// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace comfystream::engine {

enum class EngineKind : std::uint8_t { kUNet, kDepthAnything };

/// "unet", "depth-anything": the word in an engine file's metadata and on the command line.
[[nodiscard]] std::string_view to_string(EngineKind kind) noexcept;

/// The values that one dimension may have, and the one that is tuned for.
struct ProfileRange {
  std::int64_t min = 1;
  std::int64_t opt = 1;
  std::int64_t max = 1;

  [[nodiscard]] bool contains(std::int64_t value) const noexcept { return min <= value && value <= max; }
  [[nodiscard]] bool is_fixed() const noexcept { return min == max; }
  /// "1:2:8", or "512" when it is fixed: as the command line takes it.
  [[nodiscard]] std::string to_string() const;
  bool operator==(const ProfileRange&) const = default;
};

/// "512", "1:8" (tuned for the largest) or "1:2:8"; `what` is the option's name for messages ("--batch").
/// Error(kInvalidArgument) when it is none of these or not in rising order.
[[nodiscard]] ProfileRange parse_profile_range(std::string_view text, std::string_view what);

/// What an engine runs: height and width in pixels (of the picture, or of a depth network's input), context in chunks
/// of 77 tokens (UNets only).
struct EngineProfile {
  ProfileRange batch;
  ProfileRange height;
  ProfileRange width;
  ProfileRange context;
  bool operator==(const EngineProfile&) const = default;
};

/// One chunk; batch 1 of 512 x 512 for a UNet, batches of 1 to 8 (tuned for 2) of 518 x 518 for depth.
[[nodiscard]] EngineProfile default_profile(EngineKind kind) noexcept;

/// What is wrong with the profile, empty when nothing is. Batch is 1 to 100, context 1 to 128 (1 for depth), height and
/// width up to 8192 and multiples of `multiple`: 8 for a UNet, the patch (14) for depth; each in rising order.
[[nodiscard]] std::string profile_problem(const EngineProfile& profile, EngineKind kind, std::int64_t multiple);

}  // namespace comfystream::engine
