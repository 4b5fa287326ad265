// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_tokenizer.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/clip_vocabulary.hpp"
#include "tests/support/clip_vocabulary.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::models {
namespace {

class ClipTokenizerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    vocabulary_ = tests::clip_vocabulary();
    if (vocabulary_.empty()) GTEST_SKIP() << "no CLIP vocabulary: ./run --build-only fetches it";
  }

  std::filesystem::path vocabulary_;
};

/// The values of [[count, value], ...].
template <typename T>
std::vector<T> unpack(const nlohmann::json& runs) {
  std::vector<T> values;
  for (const auto& run : runs) values.insert(values.end(), run[0].get<std::size_t>(), run[1].get<T>());
  return values;
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST_F(ClipTokenizerTest, AgreesWithTransformersUnderComfyUiRules) {
  std::ifstream file(COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/tokenizer.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 200U);
  const ClipTokenizer tokenizer(vocabulary_);
  for (const auto& expected : cases) {
    const auto prompt = expected["prompt"].get<std::string>();
    SCOPED_TRACE(prompt);
    const TokenizedPrompt result = tokenizer.tokenize(prompt);
    ASSERT_EQ(result.tokens, unpack<std::int32_t>(expected["tokens"]));
    ASSERT_EQ(result.weights, unpack<float>(expected["weights"]));
    ASSERT_EQ(static_cast<std::size_t>(result.chunks) * 77, result.tokens.size());
  }
}

TEST_F(ClipTokenizerTest, ReadsTheUnpackedVocabularyToo) {
  const auto unpacked = std::filesystem::path(::testing::TempDir()) / "bpe_simple_vocab_16e6.txt";
  std::ofstream(unpacked, std::ios::binary) << read_clip_vocabulary(vocabulary_);
  EXPECT_EQ(ClipTokenizer(unpacked).tokenize("a cat").tokens, ClipTokenizer(vocabulary_).tokenize("a cat").tokens);
}

TEST_F(ClipTokenizerTest, SmallVocabularyFoldsTheTokens) {
  const TokenizedPrompt full = ClipTokenizer(vocabulary_).tokenize("a photo of a cat");
  const TokenizedPrompt folded = ClipTokenizer(vocabulary_, 1000).tokenize("a photo of a cat");
  EXPECT_EQ(folded.tokens.front(), 998);
  EXPECT_EQ(folded.tokens.back(), 999);
  for (std::size_t i = 1; i <= 5; ++i) EXPECT_EQ(folded.tokens[i], full.tokens[i] % 998);
  EXPECT_THROW(ClipTokenizer(vocabulary_, 49409), Error);
  EXPECT_THROW(ClipTokenizer(vocabulary_, 2), Error);
}

TEST_F(ClipTokenizerTest, RefusesTextualInversion) {
  const ClipTokenizer tokenizer(vocabulary_);
  for (const char* prompt : {"embedding:bad-hands", "a cat, embedding:bad-hands", "(embedding:bad-hands)",
                             "x\xE3\x80\x80"
                             "embedding:bad-hands"}) {
    const std::string message = message_of([&] { (void)tokenizer.tokenize(prompt); });
    EXPECT_NE(message.find("embedding:bad-hands"), std::string::npos) << prompt;
  }
  EXPECT_NO_THROW((void)tokenizer.tokenize("nonembedding:x"));
}

TEST_F(ClipTokenizerTest, MalformedUtf8BecomesReplacementCharacters) {
  const ClipTokenizer tokenizer(vocabulary_);
  EXPECT_EQ(tokenizer
                .tokenize("a\xFF"
                          "b")
                .tokens,
            tokenizer
                .tokenize("a\xEF\xBF\xBD"
                          "b")
                .tokens);
  EXPECT_EQ(tokenizer.tokenize("\xE2\x82").tokens, tokenizer.tokenize("\xEF\xBF\xBD\xEF\xBF\xBD").tokens);
  EXPECT_EQ(tokenizer.tokenize("\xED\xA0\x80").tokens.size(), 77U);
}

TEST_F(ClipTokenizerTest, DamagedVocabularyIsAnError) {
  std::ifstream file(vocabulary_, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto path = std::filesystem::path(::testing::TempDir()) / "damaged.gz";
  const auto open = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return message_of([&] { const ClipTokenizer tokenizer(path); });
  };
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 0x10);
  EXPECT_NE(open(flipped), "");
  std::string other_sum = whole;
  other_sum[whole.size() - 8] = static_cast<char>(other_sum[whole.size() - 8] ^ 1);
  EXPECT_NE(open(other_sum).find("checksum"), std::string::npos);
  EXPECT_NE(open(whole.substr(0, whole.size() / 2)), "");
  EXPECT_NE(open(whole.substr(0, 12)), "");
  EXPECT_NE(open("a heading\nno merge here\n").find("line 2"), std::string::npos);
  EXPECT_NE(open("a heading\n").find("line 2 is missing"), std::string::npos);
}

TEST(ClipVocabulary, AMissingFileNamesTheCommand) {
  const std::string message = message_of([] { (void)read_clip_vocabulary("/nowhere/vocabulary.gz"); });
  EXPECT_NE(message.find("/nowhere/vocabulary.gz"), std::string::npos);
  EXPECT_NE(message.find("open_clip_torch==3.3.0"), std::string::npos);
}

}  // namespace
}  // namespace comfystream::models
