// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/jpeg_check.hpp"

#include "comfystream/media/image_codec.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kHuffman = 0xC4;
constexpr std::uint8_t kQuantisation = 0xDB;
constexpr std::uint8_t kBaseline = 0xC0;
constexpr std::uint8_t kProgressive = 0xC2;
constexpr std::uint8_t kScan = 0xDA;

/// A marker, the length, the bytes.
Bytes segment(std::uint8_t code, const Bytes& inside) {
  const std::size_t length = inside.size() + 2;
  Bytes bytes(length + 2);
  bytes[0] = 0xFF;
  bytes[1] = code;
  bytes[2] = static_cast<std::uint8_t>(length >> 8U);
  bytes[3] = static_cast<std::uint8_t>(length);
  std::copy(inside.begin(), inside.end(), bytes.begin() + 4);
  return bytes;
}

/// A Huffman table: how many codes of 1, 2, ... bits, and zeros for their symbols.
Bytes huffman(std::uint8_t head, Bytes counts) {
  counts.resize(16);
  std::size_t symbols = 0;
  for (const std::uint8_t count : counts) symbols += count;
  counts.insert(counts.begin(), head);
  counts.resize(17 + symbols);
  return segment(kHuffman, counts);
}

Bytes quantisation(std::uint8_t head) {
  Bytes table(head < 16 ? 65 : 129, 1);
  table[0] = head;
  return segment(kQuantisation, table);
}

/// 8x8, one component of this id and quantisation table.
Bytes frame(std::uint8_t code, std::uint8_t id, std::uint8_t table) {
  return segment(code, {8, 0, 8, 0, 8, 1, id, 0x11, table});
}

/// Of one component, with its tables (DC, AC), from the given coefficient on.
Bytes scan(std::uint8_t id, std::uint8_t tables, std::uint8_t first = 0, std::uint8_t approximation = 0) {
  Bytes bytes = segment(kScan, {1, id, tables, first, 63, approximation});
  for (const int value : {0x00, 0xFF, 0x00, 0xFF, 0xD0, 0x00}) bytes.push_back(static_cast<std::uint8_t>(value));
  return bytes;
}

std::vector<std::byte> jpeg(const std::vector<Bytes>& segments) {
  std::vector<std::byte> file{std::byte{0xFF}, std::byte{0xD8}};
  for (const Bytes& bytes : segments) {
    for (const std::uint8_t value : bytes) file.push_back(std::byte{value});
  }
  file.insert(file.end(), {std::byte{0xFF}, std::byte{0xD9}});
  return file;
}

std::string fault(const std::vector<Bytes>& segments) {
  const char* found = jpeg_fault(jpeg(segments));
  return found == nullptr ? "" : found;
}

const Bytes kDc = huffman(0x00, {1});
const Bytes kAc = huffman(0x10, {1});

TEST(JpegCheckTest, PassesTablesThatAreDefinedBeforeTheirScan) {
  EXPECT_EQ(fault({quantisation(0), frame(kBaseline, 1, 0), kDc, kAc, scan(1, 0x00)}), "");
  EXPECT_EQ(fault({kDc, kAc, quantisation(0x13), frame(kBaseline, 7, 3), scan(7, 0x00), scan(7, 0x00)}), "");
  EXPECT_EQ(fault({}), "");
}

TEST(JpegCheckTest, PassesWhatItDoesNotKnow) {
  EXPECT_EQ(jpeg_fault({}), nullptr);
  const std::string text = "not a JPEG";
  EXPECT_EQ(jpeg_fault(std::as_bytes(std::span(text))), nullptr);
  EXPECT_EQ(fault({segment(0xE1, {1, 2, 3}), segment(0xFE, {0xFF, kHuffman, 0, 2})}), "");
}

TEST(JpegCheckTest, RefusesMoreCodesThanFit) {
  EXPECT_EQ(fault({huffman(0x00, {0, 0, 0, 0, 0, 0, 0, 255, 1})}), "");
  EXPECT_NE(fault({huffman(0x00, {0, 0, 0, 0, 0, 0, 0, 255, 2})}).find("more codes"), std::string::npos);
  EXPECT_NE(fault({huffman(0x00, {3})}).find("more codes"), std::string::npos);
  EXPECT_NE(fault({huffman(0x11, {1, 1, 3})}).find("more codes"), std::string::npos);
  Bytes second_table = huffman(0x00, {1});
  second_table.insert(second_table.end(), {0x10, 3});
  second_table.resize(second_table.size() + 18);
  second_table[3] = static_cast<std::uint8_t>(second_table.size() - 2);
  EXPECT_NE(fault({second_table}).find("more codes"), std::string::npos);
}

TEST(JpegCheckTest, SeesTablesBehindAScan) {
  const std::vector<Bytes> good{quantisation(0), frame(kBaseline, 1, 0), kDc, kAc, scan(1, 0x00)};
  std::vector<Bytes> segments = good;
  segments.push_back(huffman(0x00, {3}));
  EXPECT_NE(fault(segments).find("more codes"), std::string::npos);
}

TEST(JpegCheckTest, SeesTablesBehindFillBytesAndPadding) {
  for (const Bytes& between : {Bytes{0xFF, 0xFF}, Bytes{1, 2, 3}}) {
    EXPECT_NE(fault({between, huffman(0x00, {3})}).find("more codes"), std::string::npos);
  }
}

TEST(JpegCheckTest, RefusesScansOfUndefinedTables) {
  const std::vector<Bytes> start{quantisation(0), frame(kBaseline, 1, 0), kDc, kAc};
  const auto with = [&](const Bytes& last) {
    std::vector<Bytes> segments = start;
    segments.push_back(last);
    return fault(segments);
  };
  EXPECT_NE(with(scan(1, 0x10)).find("Huffman table"), std::string::npos);
  EXPECT_NE(with(scan(1, 0x01)).find("Huffman table"), std::string::npos);
  EXPECT_NE(with(scan(1, 0xF0)).find("Huffman table"), std::string::npos);
  EXPECT_NE(with(scan(2, 0x00)).find("component"), std::string::npos);
  EXPECT_NE(fault({kDc, kAc, frame(kBaseline, 1, 0), scan(1, 0)}).find("quantisation"), std::string::npos);
  EXPECT_NE(fault({kDc, kAc, quantisation(1), frame(kBaseline, 1, 9), scan(1, 0)}).find("quantisation"),
            std::string::npos);
}

TEST(JpegCheckTest, ProgressiveScansNeedTheirOwnTableOnly) {
  const std::vector<Bytes> start{quantisation(0), frame(kProgressive, 1, 0)};
  const auto with = [&](const std::vector<Bytes>& last) {
    std::vector<Bytes> segments = start;
    segments.insert(segments.end(), last.begin(), last.end());
    return fault(segments);
  };
  EXPECT_EQ(with({kDc, scan(1, 0x0F)}), "");
  EXPECT_EQ(with({kAc, scan(1, 0xF0, 1)}), "");
  EXPECT_EQ(with({scan(1, 0x00, 0, 0x10)}), "") << "a refinement of DC coefficients is bare bits";
  EXPECT_NE(with({kAc, scan(1, 0x00)}).find("Huffman table"), std::string::npos);
  EXPECT_NE(with({kDc, scan(1, 0x00, 1)}).find("Huffman table"), std::string::npos);
}

TEST(JpegCheckTest, RefusesSegmentsThatEndInTheMiddle) {
  EXPECT_NE(fault({segment(kHuffman, {0, 1})}).find("shorter"), std::string::npos);
  Bytes symbols_missing(17, 0);
  symbols_missing[3] = 4;
  EXPECT_NE(fault({segment(kHuffman, symbols_missing)}).find("shorter"), std::string::npos);
  EXPECT_NE(fault({segment(kQuantisation, Bytes(64, 0))}).find("shorter"), std::string::npos);
  EXPECT_NE(fault({segment(kBaseline, {8, 0, 8, 0, 8, 3, 1, 0x11})}).find("shorter"), std::string::npos);
  EXPECT_NE(fault({segment(kScan, {4, 1, 0})}).find("shorter"), std::string::npos);
}

TEST(JpegCheckTest, TheDecoderAsksFirst) {
  const char* why = nullptr;
  EXPECT_FALSE(decode_image(jpeg({huffman(0x00, {0, 0, 0, 0, 0, 0, 0, 0, 255, 255})}), &why));
  ASSERT_NE(why, nullptr);
  EXPECT_NE(std::string(why).find("more codes"), std::string::npos);
}

}  // namespace
}  // namespace comfystream::media
