// SPDX-License-Identifier: Apache-2.0
// Prompts of any bytes: the tokenizer answers with whole chunks of tokens in range and finite weights, or with an
// Error. The vocabulary is found as in the unit tests (tests/support/clip_vocabulary.hpp).
#include "comfystream/error.hpp"
#include "comfystream/models/clip_tokenizer.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/support/clip_vocabulary.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

constexpr std::int64_t kVocabulary = 49408;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const comfystream::models::TokenizedPrompt& prompt) {
  const auto size = static_cast<std::size_t>(prompt.chunks) * 77;
  require(prompt.chunks >= 1 && prompt.tokens.size() == size && prompt.weights.size() == size);
  for (std::size_t i = 0; i < size; ++i) {
    require(prompt.tokens[i] >= 0 && prompt.tokens[i] < kVocabulary && std::isfinite(prompt.weights[i]));
    if (i % 77 == 0) require(prompt.tokens[i] == kVocabulary - 2);
    if (i % 77 == 76) require(prompt.tokens[i] == kVocabulary - 1);
  }
}

}  // namespace

std::vector<comfystream::fuzz::Bytes> comfystream::fuzz::seeds() {
  return {to_bytes("a (beautiful:1.3) photograph, ((detailed)), \\(not weighted\\), 3.5mm"),
          to_bytes("na\u00efve caf\u00e9 \u4e2d\u6587 \U0001F600 don't &amp; (un(even) [x]"),
          to_bytes(std::string(400, 'z') + " (a:1e30) (b:-2)")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const comfystream::models::ClipTokenizer tokenizer(comfystream::tests::clip_vocabulary(), kVocabulary);
  try {
    check(tokenizer.tokenize({reinterpret_cast<const char*>(data), size}));
  } catch (const comfystream::Error&) {
    // A prompt may be refused; anything else that is thrown ends the run.
  }
  return 0;
}
