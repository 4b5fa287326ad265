// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/user_cache.hpp"

#include "tests/support/test_folder.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace comfystream {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(UserCache, AFileIsReplacedWhole) {
  const tests::TestFolder folder;
  const std::filesystem::path file = folder.path() / "deep" / "choices";
  EXPECT_TRUE(replace_cache_file(file, [](std::ostream& out) { out << "first"; }));
  EXPECT_TRUE(replace_cache_file(file, [](std::ostream& out) { out << "next"; }));
  EXPECT_EQ(text_of(file), "next");
}

TEST(UserCache, WhatCannotBeWrittenLeavesWhatWasThere) {
  const tests::TestFolder folder;
  const std::filesystem::path file = folder.path() / "choices";
  EXPECT_TRUE(replace_cache_file(file, [](std::ostream& out) { out << "first"; }));
  EXPECT_FALSE(replace_cache_file(file, [](std::ostream& out) { out.setstate(std::ios::badbit); }));
  EXPECT_EQ(text_of(file), "first");
  EXPECT_FALSE(replace_cache_file(file / "below", [](std::ostream& out) { out << "next"; }));
}

}  // namespace
}  // namespace comfystream
