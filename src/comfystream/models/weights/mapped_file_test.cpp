// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/mapped_file.hpp"

#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace comfystream::weights {
namespace {

using ::testing::HasSubstr;

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, HasTheBytesOfTheFile) {
  const tests::TestFolder folder;
  const auto path = folder.write("a", "some bytes");
  const auto file = MappedFile::open(path);
  EXPECT_EQ(text_of(*file), "some bytes");
  EXPECT_EQ(file->path(), path);
  file->prefetch();
}

TEST(MappedFile, MayBeEmpty) {
  const tests::TestFolder folder;
  const auto file = MappedFile::open(folder.write("a", ""));
  EXPECT_TRUE(file->bytes().empty());
  file->prefetch();
  file->drop_pages(file->bytes());
}

TEST(MappedFile, KeepsAFileThatIsReplaced) {
  const tests::TestFolder folder;
  const auto file = MappedFile::open(folder.write("a", "old"));
  std::filesystem::rename(folder.write("b", "new"), folder / "a");
  EXPECT_EQ(text_of(*file), "old");
}

TEST(MappedFile, DroppedPagesComeBack) {
  const tests::TestFolder folder;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += static_cast<char>(i * 31);
  const auto file = MappedFile::open(folder.write("a", text));
  file->drop_pages(file->bytes());
  file->drop_pages(file->bytes().subspan(5000, 50'000));
  EXPECT_EQ(text_of(*file), text);
}

TEST(MappedFile, LeavesOtherMemoryAlone) {
  const tests::TestFolder folder;
  const auto file = MappedFile::open(folder.write("a", "some bytes"));
  const std::string other(100'000, 'x');
  file->drop_pages(std::as_bytes(std::span(other)));
  EXPECT_EQ(std::count(other.begin(), other.end(), 'x'), 100'000);
}

TEST(MappedFile, SaysWhyItCannot) {
  const tests::TestFolder folder;
  const Error missing = tests::thrown_by([&] { return MappedFile::open(folder / "absent"); });
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("absent"));
  folder.write("file", "");
  const Error below = tests::thrown_by([&] { return MappedFile::open(folder / "file" / "a"); });
  EXPECT_EQ(below.code(), ErrorCode::kNotFound);
  const Error directory = tests::thrown_by([&] { return MappedFile::open(folder.path()); });
  EXPECT_EQ(directory.code(), ErrorCode::kIo);
  EXPECT_THAT(directory.message(), HasSubstr("is not a file"));
}

/// Opening a pipe for reading waits for a writer, which a model's loader must not.
TEST(MappedFile, DoesNotWaitForAPipe) {
  const tests::TestFolder folder;
  const auto path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(tests::thrown_by([&] { return MappedFile::open(path); }).code(), ErrorCode::kIo);
}

}  // namespace
}  // namespace comfystream::weights
