// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_words.hpp"

#include "comfystream/models/clip_unicode.hpp"

#include <algorithm>
#include <array>

namespace comfystream::models {
namespace {

using unicode::CharClass;

constexpr std::string_view kStartText = "<|startoftext|>";
constexpr std::string_view kEndText = "<|endoftext|>";

/// Length of the word that begins at `at` (not a space).
std::size_t word_length(std::u32string_view text, std::size_t at) {
  constexpr std::array<std::u32string_view, 7> kContractions = {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  for (const std::u32string_view contraction : kContractions) {
    if (text.substr(at).starts_with(contraction)) return contraction.size();
  }
  const CharClass kind = unicode::class_of(text[at]);
  if (kind == CharClass::kNumber) return 1;
  std::size_t end = at + 1;
  while (end < text.size() && unicode::class_of(text[end]) == kind) ++end;
  return end - at;
}

void split_plain(std::string_view text, const std::function<void(ClipPiece, std::string_view)>& take) {
  const std::u32string codes = unicode::to_lower(unicode::to_nfc(unicode::decode_utf8(text)));
  std::string word;
  for (std::size_t at = 0; at < codes.size();) {
    if (unicode::class_of(codes[at]) == CharClass::kSpace) {
      ++at;
      continue;
    }
    const std::size_t length = word_length(codes, at);
    word.clear();
    for (const char32_t code : std::u32string_view(codes).substr(at, length)) unicode::append_utf8(word, code);
    take(ClipPiece::kWord, word);
    at += length;
  }
}

}  // namespace

void split_clip_words(std::string_view text, const std::function<void(ClipPiece, std::string_view)>& take) {
  while (!text.empty()) {
    const std::size_t start = text.find(kStartText);
    const std::size_t end = text.find(kEndText);
    const std::size_t at = std::min({start, end, text.size()});
    split_plain(text.substr(0, at), take);
    if (at == text.size()) return;
    take(at == start ? ClipPiece::kStart : ClipPiece::kEnd, {});
    text.remove_prefix(at + (at == start ? kStartText.size() : kEndText.size()));
  }
}

}  // namespace comfystream::models
