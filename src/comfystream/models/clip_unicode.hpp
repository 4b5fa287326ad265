// SPDX-License-Identifier: Apache-2.0
// As much of Unicode as CLIP's tokenizer asks for. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace comfystream::models::unicode {

/// The three classes its word pattern tells apart, and the rest.
enum class CharClass : std::uint8_t { kLetter, kNumber, kSpace, kOther };

/// Code points of UTF-8; every malformed byte becomes U+FFFD.
[[nodiscard]] std::u32string decode_utf8(std::string_view text);
void append_utf8(std::string& text, char32_t code);

/// Normalization Form C (UAX #15).
[[nodiscard]] std::u32string to_nfc(std::u32string text);
/// Each code point's own lower-case form; no rules that look at its neighbours.
[[nodiscard]] std::u32string to_lower(const std::u32string& text);

[[nodiscard]] CharClass class_of(char32_t code) noexcept;

}  // namespace comfystream::models::unicode
