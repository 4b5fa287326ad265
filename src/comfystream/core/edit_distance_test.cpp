// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/edit_distance.hpp"

#include <gtest/gtest.h>

namespace comfystream {
namespace {

TEST(EditDistance, CountsLettersToChange) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("depth", "deepth"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

}  // namespace
}  // namespace comfystream
