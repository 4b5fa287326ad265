// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_tokenizer.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/clip_bpe.hpp"
#include "comfystream/models/clip_prompt.hpp"
#include "comfystream/models/clip_unicode.hpp"
#include "comfystream/models/clip_vocabulary.hpp"
#include "comfystream/models/clip_words.hpp"

#include <algorithm>
#include <span>

namespace comfystream::models {
namespace {

constexpr std::size_t kChunk = 77;
/// ComfyUI breaks a group of this many tokens where a chunk ends; a shorter one moves to the next chunk whole. A group
/// is a stretch of equal weight, not a word.
constexpr std::size_t kLargeGroup = 8;
constexpr std::string_view kEmbedding = "embedding:";

void refuse_embeddings(std::string_view text) {
  for (std::size_t at = text.find(kEmbedding); at != std::string_view::npos; at = text.find(kEmbedding, at + 1)) {
    std::size_t before = at;
    while (before > 0 && (static_cast<unsigned char>(text[before - 1]) & 0xC0U) == 0x80) --before;
    before = before == 0 ? 0 : before - 1;
    const auto previous = unicode::decode_utf8(text.substr(before, at - before));
    if (!previous.empty() && unicode::class_of(previous.back()) != unicode::CharClass::kSpace) continue;
    const std::string_view name = text.substr(at, text.find_first_of(" \t\r\n", at) - at);
    throw Error(ErrorCode::kUnsupported, "the prompt asks for a textual inversion: '" + std::string(name) + "'",
                "embeddings are not supported; remove it from the prompt");
  }
}

/// Lays tokens out in chunks of 77: start, up to 75 tokens, end, padding with end.
class ChunkWriter {
 public:
  ChunkWriter(std::int32_t start, std::int32_t end) : start_(start), end_(end) { put(start_, 1.0F); }

  void add(std::span<const std::int32_t> group, float weight) {
    const bool large = group.size() >= kLargeGroup;
    while (!group.empty()) {
      const std::size_t room = kChunk - 1 - used_;
      if (group.size() > room && !large) {
        next_chunk();
        continue;
      }
      const std::size_t count = std::min(room, group.size());
      for (const std::int32_t token : group.first(count)) put(token, weight);
      group = group.subspan(count);
      if (!group.empty()) next_chunk();
    }
  }

  TokenizedPrompt finish() {
    fill();
    result_.chunks = static_cast<std::int64_t>(result_.tokens.size() / kChunk);
    return std::move(result_);
  }

 private:
  void put(std::int32_t token, float weight) {
    result_.tokens.push_back(token);
    result_.weights.push_back(weight);
    ++used_;
  }
  void fill() {
    while (used_ < kChunk) put(end_, 1.0F);
  }
  void next_chunk() {
    fill();
    used_ = 0;
    put(start_, 1.0F);
  }

  std::int32_t start_, end_;
  std::size_t used_ = 0;
  TokenizedPrompt result_;
};

}  // namespace

struct ClipTokenizer::Impl {
  ClipBpe bpe;
  std::int32_t size;

  [[nodiscard]] std::int32_t start() const { return size - 2; }
  [[nodiscard]] std::int32_t end() const { return size - 1; }

  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> tokens;
    split_clip_words(text, [&](ClipPiece piece, std::string_view word) {
      if (piece == ClipPiece::kWord) {
        const std::size_t before = tokens.size();
        bpe.encode_word(word, tokens);
        for (std::size_t i = before; i < tokens.size(); ++i) tokens[i] %= start();
      } else {
        tokens.push_back(piece == ClipPiece::kStart ? start() : end());
      }
    });
    return tokens;
  }
};

ClipTokenizer::ClipTokenizer(const std::filesystem::path& vocabulary, std::int64_t size) {
  constexpr std::int64_t kFull = ClipBpe::kEnd + 1;
  if (size < 3 || size > kFull) {
    throw Error(ErrorCode::kInvalidArgument, "a CLIP vocabulary of " + std::to_string(size) + " tokens; 3 to " +
                                                 std::to_string(kFull) + " are possible");
  }
  impl_ = std::make_unique<const Impl>(
      Impl{ClipBpe(read_clip_vocabulary(vocabulary), vocabulary.string()), static_cast<std::int32_t>(size)});
}

ClipTokenizer::~ClipTokenizer() = default;

TokenizedPrompt ClipTokenizer::tokenize(std::string_view prompt) const {
  ChunkWriter chunks(impl_->start(), impl_->end());
  for (const WeightedText& part : parse_weighted_prompt(prompt)) {
    refuse_embeddings(part.text);
    chunks.add(impl_->encode(part.text), static_cast<float>(part.weight));
  }
  return chunks.finish();
}

}  // namespace comfystream::models
