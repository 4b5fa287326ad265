// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_prompt.hpp"

#include "comfystream/error.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <system_error>

namespace comfystream::models {
namespace {

using namespace std::string_view_literals;

constexpr double kGroupWeight = 1.1;
/// Python, and so ComfyUI, gives up at about a thousand.
constexpr int kDeepest = 900;
constexpr std::string_view kClosing = "\0\1"sv, kOpening = "\0\2"sv;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// Cuts a text into groups in parentheses of the outermost level and what stands between them.
std::vector<std::string_view> split_groups(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  // A ")" too many takes the level below 0, where ComfyUI opens and closes no groups any more; so do we.
  std::int64_t level = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') {
      if (level == 0 && i > begin) {
        parts.push_back(text.substr(begin, i - begin));
        begin = i;
      }
      ++level;
    } else if (text[i] == ')') {
      --level;
      if (level == 0) {
        parts.push_back(text.substr(begin, i + 1 - begin));
        begin = i + 1;
      }
    }
  }
  if (begin < text.size()) parts.push_back(text.substr(begin));
  return parts;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r\x1C\x1D\x1E\x1F";
  const std::size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? ""sv : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

/// The number that Python's float() reads, nothing where it raises.
std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    if (text[i] != '_')
      digits.push_back(text[i]);
    else if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1))
      return std::nullopt;
  }
  if (digits.starts_with('+')) {
    digits.erase(0, 1);
    if (digits.starts_with('-')) return std::nullopt;
  }
  // from_chars also reads "nan(...)", which Python does not.
  if (digits.find('(') != std::string::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    return digits.find("e-") != std::string::npos || digits.find("E-") != std::string::npos ? 0.0 : HUGE_VAL;
  }
  return value;
}

void collect(std::string_view text, double weight, int depth, std::vector<WeightedText>& out) {
  if (depth > kDeepest) {
    throw Error(ErrorCode::kInvalidArgument, "the prompt nests parentheses deeper than " + std::to_string(kDeepest),
                "write \\( and \\) for parentheses that are text");
  }
  for (std::string_view part : split_groups(text)) {
    if (part.size() < 2 || part.front() != '(' || part.back() != ')') {
      out.push_back({replaced(replaced(std::string(part), kClosing, ")"), kOpening, "("), weight});
      continue;
    }
    part = part.substr(1, part.size() - 2);
    double inner = weight * kGroupWeight;
    const std::size_t colon = part.rfind(':');
    if (colon != std::string_view::npos && colon > 0) {
      if (const auto number = parse_number(part.substr(colon + 1))) {
        inner = *number;
        part = part.substr(0, colon);
      }
    }
    if (!(std::abs(inner) <= std::numeric_limits<float>::max())) {
      throw Error(ErrorCode::kInvalidArgument, "a weight in the prompt is not a finite number",
                  "write a weight such as (text:1.2)");
    }
    collect(part, inner, depth + 1, out);
  }
}

}  // namespace

std::vector<WeightedText> parse_weighted_prompt(std::string_view prompt) {
  const std::string text = replaced(replaced(std::string(prompt), "\\)", kClosing), "\\(", kOpening);
  std::vector<WeightedText> out;
  collect(text, 1.0, 0, out);
  return out;
}

}  // namespace comfystream::models
