// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/json_text.hpp"

#include "comfystream/error.hpp"

#include <algorithm>

namespace comfystream::workflow {
namespace {

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

/// Offset of the bracket that opens a level too many, or nothing. Looks at brackets outside strings only, so it is
/// right for valid JSON and harmless for any other text.
std::optional<std::size_t> too_deep_at(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepestJson) return i;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return std::nullopt;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& origin) {
  const auto refuse = [&](std::size_t offset, const std::string& why) {
    throw Error(ErrorCode::kInvalidArgument, origin + ":" + place(text, offset) + ": not JSON: " + why);
  };
  if (const auto at = too_deep_at(text)) refuse(*at, "nested deeper than " + std::to_string(kDeepestJson) + " levels");
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
  if (too_deep_at(text)) return std::nullopt;
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
