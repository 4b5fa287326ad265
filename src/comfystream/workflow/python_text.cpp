// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/python_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace comfystream::workflow {
namespace {

// Shortest digits that read back as the same number; exponents from 16 up and below -4, as Python's repr has it.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  constexpr double kFirstWithExponent = 1e16;
  constexpr double kLastWithExponent = 1e-4;
  const double size = std::abs(value);
  const bool exponent = size != 0.0 && (size >= kFirstWithExponent || size < kLastWithExponent);
  std::array<char, 64> buffer{};
  const auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  if (!exponent && text.find('.') == std::string::npos) text += ".0";
  return text;
}

void append_escaped(std::string& text, char c, char quote) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '\n':
      text += "\\n";
      return;
    case '\r':
      text += "\\r";
      return;
    case '\t':
      text += "\\t";
      return;
    case '\\':
      text += "\\\\";
      return;
    default:
      break;
  }
  if (c == quote) text += '\\';
  if (byte < 0x20 || byte == 0x7f) {
    text += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
  } else {
    text += c;
  }
}

std::string in_quotes(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) append_escaped(result, c, quote);
  return result + quote;
}

template <typename Each>
std::string joined(const Json& value, char open, char close, const Each& each) {
  std::string text(1, open);
  const char* separator = "";
  for (const auto& [key, item] : value.items()) {
    text += separator + each(key, item);
    separator = ", ";
  }
  return text + close;
}

}  // namespace

std::string python_repr(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return in_quotes(value.get_ref<const std::string&>());
    case Json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case Json::value_t::number_integer:
      return std::to_string(value.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return std::to_string(value.get<std::uint64_t>());
    case Json::value_t::number_float:
      return float_text(value.get<double>());
    case Json::value_t::array:
      return joined(value, '[', ']', [](const std::string& /*index*/, const Json& item) { return python_repr(item); });
    case Json::value_t::object:
      return joined(value, '{', '}',
                    [](const std::string& key, const Json& item) { return in_quotes(key) + ": " + python_repr(item); });
    default:
      return "None";
  }
}

std::string python_str(const Json& value) { return value.is_string() ? value.get<std::string>() : python_repr(value); }

std::string python_type_name(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return "str";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "int";
    case Json::value_t::number_float:
      return "float";
    case Json::value_t::array:
      return "list";
    case Json::value_t::object:
      return "dict";
    default:
      return "NoneType";
  }
}

}  // namespace comfystream::workflow
