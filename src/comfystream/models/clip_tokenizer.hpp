// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::models {

/// One prompt as CLIP-L sees it: k chunks of 77 tokens (start, up to 75 tokens, end, padding with end) and one weight a
/// token.
struct TokenizedPrompt {
  std::int64_t chunks = 1;
  std::vector<std::int32_t> tokens;  ///< chunks * 77
  std::vector<float> weights;        ///< chunks * 77; 1 where the prompt says nothing
};

/// OpenAI's byte-pair tokenizer with ComfyUI's prompt syntax: (text:1.2), (text) = 1.1, nesting, \( \) escapes, chunks
/// of 77 where words stay together as ComfyUI keeps them; "embedding:name" is refused with an Error that says so. Const
/// calls are safe from any thread.
class ClipTokenizer {
 public:
  /// `vocabulary` is open_clip's bpe_simple_vocab_16e6.txt.gz or its unpacked text. `size` < 49408 serves small test
  /// models: token ids are taken modulo (size - 2), start and end become size - 2 and size - 1.
  explicit ClipTokenizer(const std::filesystem::path& vocabulary, std::int64_t size = 49408);
  ~ClipTokenizer();
  ClipTokenizer(const ClipTokenizer&) = delete;
  ClipTokenizer& operator=(const ClipTokenizer&) = delete;
  ClipTokenizer(ClipTokenizer&&) = delete;
  ClipTokenizer& operator=(ClipTokenizer&&) = delete;

  [[nodiscard]] TokenizedPrompt tokenize(std::string_view prompt) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace comfystream::models
