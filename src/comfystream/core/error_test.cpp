// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace comfystream {
namespace {

TEST(Error, SaysTheMessageAndThenTheHint) {
  const Error error(ErrorCode::kNotFound, "no file a.png", "check the path");
  EXPECT_STREQ(error.what(), "no file a.png (check the path)");
  EXPECT_EQ(error.message(), "no file a.png");
  EXPECT_EQ(error.hint(), "check the path");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
}

TEST(Error, NeedsNoHint) { EXPECT_STREQ(Error(ErrorCode::kIo, "disk full").what(), "disk full"); }

TEST(Error, IsCaughtAsAStandardException) { EXPECT_THROW(throw Error(ErrorCode::kInternal, "x"), std::runtime_error); }

TEST(Error, EveryCodeHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    names.emplace(to_string(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), 10U);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_string(ErrorCode::kCorruptFile), "corrupt_file");
}

}  // namespace
}  // namespace comfystream
