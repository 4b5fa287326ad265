// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/hints.hpp"

#include "comfystream/core/edit_distance.hpp"
#include "comfystream/models/engine/engine_name.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>
#include <utility>

namespace comfystream::engine {
namespace {

/// Small letters and digits only: the same model is "DreamShaper 8", "dreamshaper-8" and "dreamshaper8".
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return result;
}

std::size_t longest_common_run(std::string_view a, std::string_view b) {
  std::size_t longest = 0;
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const char letter : a) {
    for (std::size_t j = b.size(); j-- > 0;) {
      row[j + 1] = letter == b[j] ? row[j] + 1 : 0;
      longest = std::max(longest, row[j + 1]);
    }
  }
  return longest;
}

std::string shell_quoted(const std::string& text) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_./:=+-@%,").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

EngineProfile suggested_profile(const std::filesystem::path& engine, EngineKind kind) {
  const std::int64_t multiple = kind == EngineKind::kUNet ? 8 : 14;
  auto named = profile_in_name(engine.filename().string());
  if (named && profile_problem(*named, kind, multiple).empty()) {
    named->batch.min = 1;  // costs nothing here, and runs the last frames of a clip without padding
    return *named;
  }
  EngineProfile usual = default_profile(kind);
  usual.batch = {1, 2, 8};
  return usual;
}

}  // namespace

std::vector<std::string> near_names(const std::filesystem::path& path) {
  constexpr std::size_t kMost = 4;
  std::vector<std::pair<std::size_t, std::string>> found;
  const std::string wanted = path.filename().string();
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    std::error_code unreadable;
    if (!entry.is_regular_file(unreadable)) continue;
    std::string name = entry.path().filename().string();
    const std::size_t distance = edit_distance(plain(wanted), plain(name));
    found.emplace_back(distance, std::move(name));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [distance, name] : found) {
    if (names.size() < kMost) names.push_back(std::move(name));
  }
  return names;
}

EngineKind kind_by_name(const std::filesystem::path& engine) {
  const std::string text = plain(engine.parent_path().filename().string() + engine.filename().string());
  return text.find("depth") == std::string::npos ? EngineKind::kUNet : EngineKind::kDepthAnything;
}

std::optional<std::filesystem::path> likely_source(const std::filesystem::path& engine,
                                                   std::span<const std::filesystem::path> candidates) {
  constexpr std::size_t kEnough = 5;  // letters in common; "sd15" alone says nothing
  const EngineKind kind = kind_by_name(engine);
  const std::string name = engine.filename().string();
  const std::string wanted = plain(prefix_of_name(name));
  std::optional<std::filesystem::path> best;
  std::size_t most = kEnough - 1;
  for (const std::filesystem::path& candidate : candidates) {
    if (kind_by_name(candidate.filename()) != kind) continue;
    const std::size_t common = longest_common_run(wanted, plain(candidate.stem().string()));
    if (common <= most) continue;
    most = common;
    best = candidate;
  }
  return best;
}

std::string build_command(const std::filesystem::path& engine, const std::optional<std::filesystem::path>& checkpoint) {
  const EngineProfile profile = suggested_profile(engine, kind_by_name(engine));
  return "comfystream engine build --checkpoint " +
         (checkpoint ? shell_quoted(checkpoint->string()) : "<the model it was made from>") + " --batch " +
         profile.batch.to_string() + " --height " + profile.height.to_string() + " --width " +
         profile.width.to_string() + " -o " + shell_quoted(engine.string());
}

}  // namespace comfystream::engine
