// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/json_text.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <array>

namespace comfystream::workflow {
namespace {

constexpr std::size_t kMostItems = 10'000;
constexpr std::size_t kMostItemsInAll = 200'000;

/// "LINE:COLUMN" of byte `offset`, both counted from 1.
std::string place(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return std::to_string(line) + ":" + std::to_string(before.size() - line_begin + 1);
}

/// The parser's reason without its prefix ("[json.exception...] parse error at line 1, column 2: ").
std::string reason(const std::string& what) {
  const std::size_t at = what.find(": ");
  return at == std::string::npos ? what : what.substr(at + 2);
}

/// Where and why text is refused before anything is made of it.
struct Excess {
  std::size_t offset;
  std::string reason;
};

/// Counts brackets and commas outside strings, so it is right for valid JSON and harmless for any other text. Objects
/// that keep their order find a key by looking at all keys: without bounds a small file could keep them busy for hours.
std::optional<Excess> find_excess(std::string_view text) {
  std::array<std::size_t, kDeepestJson + 1> items{};
  std::size_t depth = 0;
  std::size_t all = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (c == '{' || c == '[') {
      if (depth == kDeepestJson) return Excess{i, "nested deeper than " + std::to_string(kDeepestJson) + " levels"};
      items[++depth] = 0;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    } else if (c == ',' && (++items[depth] >= kMostItems || ++all >= kMostItemsInAll)) {
      return Excess{i, "more items than any workflow has"};
    }
  }
  return std::nullopt;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& origin) {
  const auto refuse = [&](std::size_t offset, const std::string& why) {
    throw Error(ErrorCode::kInvalidArgument, origin + ":" + place(text, offset) + ": not JSON: " + why);
  };
  if (const auto excess = find_excess(text)) refuse(excess->offset, excess->reason);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    refuse(error.byte == 0 ? 0 : error.byte - 1, reason(error.what()));
  } catch (const Json::out_of_range& error) {
    refuse(0, reason(error.what()));
  }
  return {};
}

std::optional<Json> try_parse_json(std::string_view text) {
  if (find_excess(text)) return std::nullopt;
  try {
    return Json::parse(text);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

bool is_utf8(std::string_view text) {
  try {
    (void)Json(std::string(text)).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

}  // namespace comfystream::workflow
