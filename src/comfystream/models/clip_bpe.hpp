// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace comfystream::models {

/// CLIP's byte-pair encoding (Sennrich et al. 2016; OpenAI CLIP's simple_tokenizer): 256 bytes, the same at the end of
/// a word, 48894 merges; then start and end. Immutable, so const calls are safe from any thread.
class ClipBpe {
 public:
  static constexpr std::int32_t kBytes = 256;
  static constexpr std::int32_t kMerges = 48894;
  static constexpr std::int32_t kStart = 2 * kBytes + kMerges;
  static constexpr std::int32_t kEnd = kStart + 1;

  /// `text`: the vocabulary's lines, a heading and then one merge a line, most frequent first. Error(kCorruptFile)
  /// names the line that is wrong, and `origin`.
  ClipBpe(std::string_view text, const std::string& origin);

  /// Appends the tokens of one word, given as its UTF-8 bytes. Time is n log n in its length.
  void encode_word(std::string_view bytes, std::vector<std::int32_t>& tokens) const;

 private:
  struct Merge {
    std::int32_t rank, token;
  };
  [[nodiscard]] const Merge* find(std::int32_t left, std::int32_t right) const;

  std::int32_t byte_tokens_[kBytes];
  std::unordered_map<std::uint64_t, Merge> merges_;  ///< by left token << 32 | right token
};

}  // namespace comfystream::models
