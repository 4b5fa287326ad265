// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/sha256.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace comfystream::engine {
namespace {

std::string hash(std::string_view text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.finish();
}

// The examples of FIPS 180-4 (NIST's "SHA256.pdf") and of the NIST CAVP short-message vectors.
TEST(Sha256, AgreesWithNist) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                 "mnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(hash("\xbd"), "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnThePieces) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (const std::size_t length : {0U, 1U, 55U, 56U, 63U, 64U, 65U, 119U, 120U, 128U, 300U}) {
    const std::string_view part = std::string_view(text).substr(0, length);
    for (const std::size_t piece : {1U, 3U, 63U, 64U, 200U}) {
      Sha256 in_pieces;
      for (std::size_t at = 0; at < length; at += piece) {
        in_pieces.update(std::as_bytes(std::span(part.substr(at, piece))));
      }
      EXPECT_EQ(in_pieces.finish(), hash(part)) << length << " bytes in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace comfystream::engine
