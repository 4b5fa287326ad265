// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/pytorch/zip_reader.hpp"

#include "tests/support/thrown_error.hpp"
#include "tests/support/torch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::weights {
namespace {

using ::testing::HasSubstr;
using tests::little_endian;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error refusal(const std::string& archive) {
  return tests::thrown_by([&] { return ZipReader(bytes_of(archive), "a.pth").size(); });
}
Error refusal_of_entry(const tests::ZipEntry& entry) {
  const std::string archive = tests::zip_archive({{"first", "1234"}, entry});
  const ZipReader zip(bytes_of(archive), "a.pth");
  EXPECT_EQ(text_of(zip.at("first")), "1234");
  return tests::thrown_by([&] { return zip.at(entry.name); });
}

/// With a comment behind it, as a reader that looks only at the end would not expect.
TEST(ZipReader, FindsEntries) {
  std::string archive = tests::zip_archive({{"a/data.pkl", "pickle"}, {"a/data/0", ""}, {"a/data/1", "xyz"}});
  archive[archive.size() - 2] = 5;
  archive += "hello";
  const ZipReader zip(bytes_of(archive), "a.pth");
  EXPECT_EQ(zip.size(), 3U);
  EXPECT_TRUE(zip.contains("a/data/0"));
  EXPECT_FALSE(zip.contains("a/data"));
  EXPECT_EQ(text_of(zip.at("a/data.pkl")), "pickle");
  EXPECT_EQ(text_of(zip.at("a/data/0")), "");
  EXPECT_EQ(text_of(zip.at("a/data/1")), "xyz");
  EXPECT_EQ(zip.find_ending("/data.pkl"), "a/data.pkl");
  EXPECT_EQ(zip.find_ending("constants.pkl"), "");
  EXPECT_EQ(tests::thrown_by([&] { return zip.at("b"); }).code(), ErrorCode::kNotFound);
}

/// Names are keys, never paths: nothing is ever written by them.
TEST(ZipReader, NamesMayBeAnything) {
  const std::string archive = tests::zip_archive({{"../../etc/passwd", "x"}, {"/absolute", "y"}, {"", "z"}});
  const ZipReader zip(bytes_of(archive), "a.pth");
  EXPECT_EQ(text_of(zip.at("../../etc/passwd")), "x");
  EXPECT_EQ(text_of(zip.at("")), "z");
}

TEST(ZipReader, ReadsZip64) {
  const std::string name = "a";
  const std::string local = "PK\x03\x04" + std::string(22, '\0') + little_endian<std::uint16_t>(1) +
                            little_endian<std::uint16_t>(0) + name + "data";
  const std::string extra = little_endian<std::uint16_t>(1) + little_endian<std::uint16_t>(24) +
                            little_endian<std::uint64_t>(4) + little_endian<std::uint64_t>(4) +
                            little_endian<std::uint64_t>(0);
  const std::string ones(4, '\xff');
  const std::string central = "PK\x01\x02" + std::string(16, '\0') + ones + ones + little_endian<std::uint16_t>(1) +
                              little_endian(static_cast<std::uint16_t>(extra.size())) + std::string(10, '\0') + ones +
                              name + extra;
  const std::string end64 = "PK\x06\x06" + std::string(28, '\0') + little_endian<std::uint64_t>(1) +
                            little_endian<std::uint64_t>(central.size()) + little_endian<std::uint64_t>(local.size());
  const std::string locator = "PK\x06\x07" + std::string(4, '\0') +
                              little_endian<std::uint64_t>(local.size() + central.size()) + std::string(4, '\0');
  const std::string end = "PK\x05\x06" + std::string(4, '\0') + std::string(12, '\xff') + std::string(2, '\0');
  const std::string archive = local + central + end64 + locator + end;
  EXPECT_EQ(text_of(ZipReader(bytes_of(archive), "a.pth").at("a")), "data");
  for (std::size_t cut = 1; cut < archive.size(); ++cut) {
    EXPECT_EQ(refusal(archive.substr(cut)).code(), ErrorCode::kCorruptFile) << cut;
  }
}

TEST(ZipReader, RefusesDamagedDirectories) {
  const std::string sound = tests::zip_archive({{"a", "1"}});
  EXPECT_THAT(refusal("PK").message(), HasSubstr("it has only 2 bytes"));
  EXPECT_THAT(refusal(sound.substr(0, sound.size() - 1)).message(), HasSubstr("truncated"));
  std::string changed = sound;
  changed[sound.size() - 6] = '\x7f';  // where the directory begins
  EXPECT_THAT(refusal(changed).message(), HasSubstr("lies outside the file"));
  changed = sound;
  changed[sound.size() - 12] = '\x02';  // how many entries it has
  EXPECT_THAT(refusal(changed).message(), HasSubstr("too small for its entries"));
  changed = sound;
  changed[sound.find("PK\x01\x02")] = 'Q';
  EXPECT_THAT(refusal(changed).message(), HasSubstr("directory is damaged"));
  EXPECT_THAT(refusal(tests::zip_archive({{"a", "1"}, {"a", "2"}})).message(), HasSubstr("stands twice"));
}

TEST(ZipReader, RefusesEntriesThatLie) {
  EXPECT_EQ(refusal_of_entry({.name = "x", .bytes = "1", .method = 8}).code(), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal_of_entry({.name = "x", .bytes = "1", .flags = 1}).code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refusal_of_entry({.name = "x", .bytes = "1", .local_name = "y"}).message(), HasSubstr("has two names"));
  EXPECT_THAT(refusal_of_entry({.name = "x", .bytes = "1", .claimed_size = 4000}).message(),
              HasSubstr("lies outside the file"));
  EXPECT_THAT(refusal_of_entry({.name = "x", .bytes = "1", .claimed_offset = 3}).message(), HasSubstr("no header"));
  EXPECT_THAT(refusal_of_entry({.name = "x", .bytes = "1", .claimed_offset = 0x7FFFFFFF}).message(),
              HasSubstr("lies outside the file"));
}

}  // namespace
}  // namespace comfystream::weights
