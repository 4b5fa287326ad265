// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/engine_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <vector>

namespace comfystream::engine {
namespace {

constexpr int kMostCounter = 1'000'000'000;

std::string field(char letter, const ProfileRange& range, bool is_static) {
  std::string text{'-', letter, '-'};
  if (is_static) return text + std::to_string(range.opt);
  return text + std::to_string(range.min) + "-" + std::to_string(range.max) + "-" + std::to_string(range.opt);
}

std::string stem_of(std::string_view prefix, std::string_view model_type, const EngineProfile& profile,
                    bool is_static) {
  std::string stem(prefix);
  if (!model_type.empty()) stem.append("_").append(model_type);
  return stem + (is_static ? "_$stat" : "_$dyn") + field('b', profile.batch, is_static) +
         field('h', profile.height, is_static) + field('w', profile.width, is_static);
}

std::string with_counter(const std::string& stem, int counter) {
  const std::string digits = std::to_string(counter);
  constexpr std::size_t kDigits = 5;
  return stem + "_" + std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits + "_.engine";
}

/// Reads "-<letter>-n[-n-n]" at the front of `text` and takes it off; false when it is not there.
bool take_field(std::string_view& text, char letter, bool is_static, ProfileRange& range) {
  if (!text.starts_with(std::string{'-', letter})) return false;
  text.remove_prefix(2);
  std::array<std::int64_t, 3> numbers{};
  const std::size_t count = is_static ? 1 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    if (!text.starts_with('-')) return false;
    const auto [next, error] = std::from_chars(text.data() + 1, text.data() + text.size(), numbers[i]);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
  }
  range =
      is_static ? ProfileRange{numbers[0], numbers[0], numbers[0]} : ProfileRange{numbers[0], numbers[2], numbers[1]};
  return true;
}

}  // namespace

std::string engine_file_name(std::string_view prefix, std::string_view model_type, const EngineProfile& profile,
                             bool is_static, int counter) {
  return with_counter(stem_of(prefix, model_type, profile, is_static), counter);
}

int next_engine_counter(const std::filesystem::path& folder, std::string_view stem) {
  const std::string start = std::string(stem) + "_";
  int largest = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(start)) continue;
    int counter = 0;
    const char* end = name.data() + name.size();
    const auto [next, error] = std::from_chars(name.data() + start.size(), end, counter);
    const bool is_counter = error == std::errc{} && next != end && *next == '_' && counter < kMostCounter;
    if (is_counter) largest = std::max(largest, counter);
  }
  return largest + 1;
}

std::filesystem::path next_engine_path(const std::filesystem::path& folder, std::string_view prefix,
                                       std::string_view model_type, const EngineProfile& profile, bool is_static) {
  const std::string stem = stem_of(prefix, model_type, profile, is_static);
  return folder / with_counter(stem, next_engine_counter(folder, stem));
}

std::optional<EngineProfile> profile_in_name(std::string_view file_name) {
  for (const bool is_static : {true, false}) {
    const std::string_view mark = is_static ? "$stat" : "$dyn";
    const std::size_t at = file_name.find(mark);
    if (at == std::string_view::npos) continue;
    std::string_view rest = file_name.substr(at + mark.size());
    EngineProfile profile;
    if (take_field(rest, 'b', is_static, profile.batch) && take_field(rest, 'h', is_static, profile.height) &&
        take_field(rest, 'w', is_static, profile.width)) {
      return profile;
    }
  }
  return std::nullopt;
}

std::string_view prefix_of_name(std::string_view file_name) noexcept {
  const std::size_t mark = file_name.find('$');
  if (mark != std::string_view::npos) {
    file_name = file_name.substr(0, mark);
    return file_name.substr(0, file_name.find_last_not_of("_-") + 1);
  }
  return file_name.substr(0, file_name.rfind('.'));
}

}  // namespace comfystream::engine
