// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/coerce.hpp"

#include "comfystream/workflow/python_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

namespace comfystream::workflow {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

Coerced done(Json value) {
  std::string text = python_str(value);
  return {std::move(value), std::move(text), {}};
}

Coerced refused(std::string problem) { return {{}, {}, std::move(problem)}; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\v\f";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Digits with single underscores between them, which Python allows, without the underscores.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      result += text[i];
      continue;
    }
    const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) return std::nullopt;
  }
  return result;
}

Coerced from_digits(bool negative, std::string_view digits) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  const bool fits = error == std::errc{} && (!negative || size <= (std::uint64_t{1} << 63U));
  if (fits && !negative) return done(size);
  if (fits) return done(static_cast<std::int64_t>(~size + 1));
  // Beyond 64 bits: a value that compares as it should, and its own digits for messages.
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  std::string text = (negative ? "-" : "") + std::string(digits);
  return {Json(negative ? -kTwoTo64 : kTwoTo64), std::move(text), {}};
}

Coerced int_of_text(const std::string& value) {
  const auto no_number = [&] { return refused("invalid literal for int() with base 10: " + python_repr(value)); };
  const auto plain = without_underscores(trimmed(value));
  if (!plain) return no_number();
  std::string_view digits = *plain;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return no_number();
  return from_digits(negative, digits);
}

Coerced int_of_float(double value) {
  if (std::isnan(value)) return refused("cannot convert float NaN to integer");
  if (std::isinf(value)) return refused("cannot convert float infinity to integer");
  const double whole = std::trunc(value);
  if (whole >= 0 && whole < kTwoTo64) return done(static_cast<std::uint64_t>(whole));
  if (whole < 0 && whole >= -kTwoTo63) return done(static_cast<std::int64_t>(whole));
  std::array<char, 400> text{};  // the largest double has 309 digits
  std::snprintf(text.data(), text.size(), "%.0f", whole);
  return {Json(whole), text.data(), {}};
}

Coerced to_int(const Json& value) {
  switch (value.type()) {
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return done(value);
    case Json::value_t::number_float:
      return int_of_float(value.get<double>());
    case Json::value_t::boolean:
      return done(std::uint64_t{value.get<bool>() ? 1U : 0U});
    case Json::value_t::string:
      return int_of_text(value.get<std::string>());
    default:
      return refused("int() argument must be a string, a bytes-like object or a real number, not '" +
                     python_type_name(value) + "'");
  }
}

Coerced float_of_text(const std::string& value) {
  const auto no_number = [&] { return refused("could not convert string to float: " + python_repr(value)); };
  const auto plain = without_underscores(trimmed(value));
  if (!plain) return no_number();
  std::string_view text = *plain;
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return no_number();
  // Out of range is infinity to Python, or zero at the other end; neither is a number that a person means.
  return error == std::errc{} && std::isfinite(number) ? done(number) : no_number();
}

Coerced to_float(const Json& value) {
  if (value.is_number()) return done(value.get<double>());
  if (value.is_boolean()) return done(value.get<bool>() ? 1.0 : 0.0);
  if (value.is_string()) return float_of_text(value.get<std::string>());
  return refused("float() argument must be a string or a real number, not '" + python_type_name(value) + "'");
}

bool truth(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_float()) return value.get<double>() != 0.0;
  if (value.is_number()) return value != Json(0);
  return !value.is_null() && !(value.is_string() && value.get_ref<const std::string&>().empty()) &&
         !((value.is_array() || value.is_object()) && value.empty());
}

}  // namespace

Coerced coerce(const Json& value, InputKind kind) {
  switch (kind) {
    case InputKind::kInt:
      return to_int(value);
    case InputKind::kFloat:
      return to_float(value);
    case InputKind::kString:
      return done(python_str(value));
    case InputKind::kBoolean:
      return done(truth(value));
    default:
      return done(value);
  }
}

bool number_less(const Json& a, const Json& b) {
  if (a.is_number_float() || b.is_number_float()) {
    const auto wide = [](const Json& x) {
      if (x.is_number_float()) return static_cast<long double>(x.get<double>());
      return x.is_number_unsigned() ? static_cast<long double>(x.get<std::uint64_t>())
                                    : static_cast<long double>(x.get<std::int64_t>());
    };
    return wide(a) < wide(b);
  }
  const auto negative = [](const Json& x) { return !x.is_number_unsigned() && x.get<std::int64_t>() < 0; };
  if (negative(a) != negative(b)) return negative(a);
  if (negative(a)) return a.get<std::int64_t>() < b.get<std::int64_t>();
  return a.get<std::uint64_t>() < b.get<std::uint64_t>();
}

}  // namespace comfystream::workflow
