// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_unicode.hpp"

#include "comfystream/models/clip_unicode_tables.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace comfystream::models::unicode {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kFirstCombining = 0x300;
constexpr char32_t kDottedCapitalI = 0x130;

// Hangul syllables are composed by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kHangulBase = 0xAC00, kLeadBase = 0x1100, kVowelBase = 0x1161, kTailBase = 0x11A7;
constexpr char32_t kLeads = 19, kVowels = 21, kTails = 28;

/// The row whose first..last holds `code`, or nullptr.
template <typename Row>
const Row* find_run(std::span<const Row> table, char32_t code) noexcept {
  const auto after = std::upper_bound(table.begin(), table.end(), code,
                                      [](char32_t value, const Row& row) { return value < row.first; });
  if (after == table.begin()) return nullptr;
  const Row& row = *(after - 1);
  return code <= row.last ? &row : nullptr;
}

std::uint32_t combining_class(char32_t code) noexcept {
  if (code < kFirstCombining) return 0;
  const CombiningRun* run = find_run(combining_table(), code);
  return run != nullptr ? run->combining_class : 0;
}

void decompose(char32_t code, std::u32string& out) {
  if (code >= kHangulBase && code < kHangulBase + kLeads * kVowels * kTails) {
    const char32_t index = code - kHangulBase;
    out.push_back(kLeadBase + index / (kVowels * kTails));
    out.push_back(kVowelBase + index % (kVowels * kTails) / kTails);
    if (index % kTails != 0) out.push_back(kTailBase + index % kTails);
    return;
  }
  const auto table = decomposition_table();
  const auto row = std::lower_bound(table.begin(), table.end(), code,
                                    [](const Decomposition& entry, char32_t value) { return entry.code < value; });
  if (row == table.end() || row->code != code) {
    out.push_back(code);
    return;
  }
  decompose(row->first, out);
  if (row->second != 0) decompose(row->second, out);
}

void order_marks(std::u32string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (combining_class(text[begin]) == 0) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

/// The composition of two code points, or 0.
char32_t compose(char32_t first, char32_t second) {
  if (first >= kLeadBase && first < kLeadBase + kLeads && second >= kVowelBase && second < kVowelBase + kVowels) {
    return kHangulBase + ((first - kLeadBase) * kVowels + (second - kVowelBase)) * kTails;
  }
  const bool open_syllable =
      first >= kHangulBase && first < kHangulBase + kLeads * kVowels * kTails && (first - kHangulBase) % kTails == 0;
  if (open_syllable && second > kTailBase && second < kTailBase + kTails) return first + (second - kTailBase);
  const auto rows = composition_table();
  const auto row = std::lower_bound(
      rows.begin(), rows.end(), std::pair<std::uint32_t, std::uint32_t>(first, second),
      [](const Composition& entry, const auto& value) { return std::pair(entry.first, entry.second) < value; });
  return row != rows.end() && row->first == first && row->second == second ? row->code : 0;
}

std::u32string compose_all(const std::u32string& text) {
  std::u32string out;
  std::size_t starter = std::u32string::npos;
  std::uint32_t last_class = 0;
  for (const char32_t code : text) {
    const std::uint32_t current = combining_class(code);
    const bool adjacent = starter != std::u32string::npos && starter + 1 == out.size();
    const bool blocked = !adjacent && last_class >= current;
    if (starter != std::u32string::npos && !blocked) {
      if (const char32_t composed = compose(out[starter], code); composed != 0) {
        out[starter] = composed;
        continue;
      }
    }
    if (current == 0) starter = out.size();
    last_class = current;
    out.push_back(code);
  }
  return out;
}

/// Length of the sequence that `lead` opens, 0 if it cannot open one.
std::size_t sequence_length(unsigned char lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

/// The code point at `text`'s begin, whose length is `length`, or kReplacement if it is malformed.
char32_t decode_sequence(std::string_view text, std::size_t length) noexcept {
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text[0]);
  if (length == 1) return lead;
  char32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return kReplacement;
    code = (code << 6U) | (next & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < kSmallest[length] || code > 0x10FFFF || surrogate ? kReplacement : code;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string codes;
  codes.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(static_cast<unsigned char>(text[i]));
    const bool whole = length != 0 && i + length <= text.size();
    const char32_t code = whole ? decode_sequence(text.substr(i), length) : kReplacement;
    codes.push_back(code);
    // A replacement character that really stood in the text is three bytes long.
    const bool malformed = code == kReplacement && !text.substr(i).starts_with("\xEF\xBF\xBD");
    i += malformed ? 1 : length;
  }
  return codes;
}

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

std::u32string to_nfc(std::u32string text) {
  // Everything below the combining marks is composed already.
  if (std::all_of(text.begin(), text.end(), [](char32_t code) { return code < kFirstCombining; })) return text;
  std::u32string decomposed;
  decomposed.reserve(text.size());
  for (const char32_t code : text) decompose(code, decomposed);
  order_marks(decomposed);
  return compose_all(decomposed);
}

std::u32string to_lower(const std::u32string& text) {
  std::u32string lowered;
  lowered.reserve(text.size());
  for (const char32_t code : text) {
    if (code == kDottedCapitalI) {  // the one letter whose lower-case form is two code points
      lowered += U"i\u0307";
      continue;
    }
    const LowerRun* run = find_run(lower_table(), code);
    const bool maps = run != nullptr && (code - run->first) % run->step == 0;
    lowered.push_back(maps ? static_cast<char32_t>(static_cast<std::int64_t>(code) + run->distance) : code);
  }
  return lowered;
}

CharClass class_of(char32_t code) noexcept {
  if (find_run(letter_table(), code) != nullptr) return CharClass::kLetter;
  if (find_run(number_table(), code) != nullptr) return CharClass::kNumber;
  if (find_run(space_table(), code) != nullptr) return CharClass::kSpace;
  return CharClass::kOther;
}

}  // namespace comfystream::models::unicode
