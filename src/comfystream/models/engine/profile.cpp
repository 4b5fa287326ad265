// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/profile.hpp"

#include "comfystream/error.hpp"

#include <array>
#include <charconv>
#include <vector>

namespace comfystream::engine {
namespace {

constexpr std::int64_t kMostBatch = 100;    // as ComfyUI's conversion nodes
constexpr std::int64_t kMostContext = 128;  // the same
constexpr std::int64_t kMostPixels = 8192;

struct Bounds {
  std::string_view name;
  std::int64_t most;
  std::int64_t multiple;
};

std::string range_problem(const ProfileRange& range, const Bounds& bounds) {
  const std::string text = std::string(bounds.name) + " " + std::to_string(range.min) + ":" +
                           std::to_string(range.opt) + ":" + std::to_string(range.max);
  if (range.min > range.opt || range.opt > range.max) return text + " is not in rising order";
  if (range.min < 1 || range.max > bounds.most) return text + " is not within 1 to " + std::to_string(bounds.most);
  for (const std::int64_t value : {range.min, range.opt, range.max}) {
    if (value % bounds.multiple != 0) return text + " is not of multiples of " + std::to_string(bounds.multiple);
  }
  return {};
}

}  // namespace

std::string_view to_string(EngineKind kind) noexcept { return kind == EngineKind::kUNet ? "unet" : "depth-anything"; }

std::string ProfileRange::to_string() const {
  if (is_fixed()) return std::to_string(opt);
  return std::to_string(min) + ":" + std::to_string(opt) + ":" + std::to_string(max);
}

ProfileRange parse_profile_range(std::string_view text, std::string_view what) {
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool sound = at != end;
  while (sound && at != end) {
    std::int64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    sound = error == std::errc{} && (next == end || (*next == ':' && next + 1 != end));
    numbers.push_back(number);
    at = next == end ? end : next + 1;
  }
  sound = sound && numbers.size() <= 3;
  if (sound && numbers.size() == 1) numbers.assign(3, numbers[0]);
  if (sound && numbers.size() == 2) numbers.insert(numbers.begin() + 1, numbers[1]);
  if (!sound || numbers[0] > numbers[1] || numbers[1] > numbers[2]) {
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + " '" + std::string(text) + "' is not a range",
                "give N, MIN:MAX or MIN:OPT:MAX in rising order, such as 1:2:8");
  }
  return {numbers[0], numbers[1], numbers[2]};
}

EngineProfile default_profile(EngineKind kind) noexcept {
  const bool unet = kind == EngineKind::kUNet;
  const std::int64_t side = unet ? 512 : 518;
  const ProfileRange batch = unet ? ProfileRange{} : ProfileRange{1, 2, 8};
  return {.batch = batch, .height = {side, side, side}, .width = {side, side, side}, .context = {}};
}

std::string profile_problem(const EngineProfile& profile, EngineKind kind, std::int64_t multiple) {
  const std::array<std::pair<ProfileRange, Bounds>, 4> ranges = {{
      {profile.batch, {"batch", kMostBatch, 1}},
      {profile.height, {"height", kMostPixels, multiple}},
      {profile.width, {"width", kMostPixels, multiple}},
      {profile.context, {"context", kind == EngineKind::kUNet ? kMostContext : 1, 1}},
  }};
  for (const auto& [range, bounds] : ranges) {
    if (std::string problem = range_problem(range, bounds); !problem.empty()) return problem;
  }
  return {};
}

}  // namespace comfystream::engine
