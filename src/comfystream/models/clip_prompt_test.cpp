// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_prompt.hpp"

#include "comfystream/error.hpp"

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

using Parts = std::vector<WeightedText>;

TEST(ClipPrompt, PlainTextWeighsOne) {
  EXPECT_EQ(parse_weighted_prompt("a cat, sitting"), (Parts{{"a cat, sitting", 1.0}}));
  EXPECT_TRUE(parse_weighted_prompt("").empty());
}

TEST(ClipPrompt, GroupsMultiplyOrSetTheWeight) {
  EXPECT_EQ(parse_weighted_prompt("a (b) c"), (Parts{{"a ", 1.0}, {"b", 1.1}, {" c", 1.0}}));
  EXPECT_EQ(parse_weighted_prompt("((b))"), (Parts{{"b", 1.1 * 1.1}}));
  EXPECT_EQ(parse_weighted_prompt("(b:0.5)"), (Parts{{"b", 0.5}}));
  EXPECT_EQ(parse_weighted_prompt("((b:0.5) c)"), (Parts{{"b", 0.5}, {" c", 1.1}}));
  EXPECT_EQ(parse_weighted_prompt("((b):2)"), (Parts{{"b", 2 * 1.1}}));
}

TEST(ClipPrompt, ATextAfterTheColonThatIsNoNumberStays) {
  EXPECT_EQ(parse_weighted_prompt("(a:b)"), (Parts{{"a:b", 1.1}}));
  EXPECT_EQ(parse_weighted_prompt("(:2)"), (Parts{{":2", 1.1}}));
  EXPECT_EQ(parse_weighted_prompt("(a:1__0)"), (Parts{{"a:1__0", 1.1}}));
  EXPECT_EQ(parse_weighted_prompt("(a: 1_0 )"), (Parts{{"a", 10.0}}));
  EXPECT_EQ(parse_weighted_prompt("(a:0x1)"), (Parts{{"a:0x1", 1.1}}));
}

TEST(ClipPrompt, EscapedParenthesesAreText) {
  EXPECT_EQ(parse_weighted_prompt("\\(a\\) (b \\(c\\):1.5)"), (Parts{{"(a) ", 1.0}, {"b (c)", 1.5}}));
}

TEST(ClipPrompt, UnpairedParenthesesAreText) {
  EXPECT_EQ(parse_weighted_prompt("(a"), (Parts{{"(a", 1.0}}));
  EXPECT_EQ(parse_weighted_prompt("a) b"), (Parts{{"a) b", 1.0}}));
}

TEST(ClipPrompt, RefusesWhatCannotBeAWeight) {
  EXPECT_THROW((void)parse_weighted_prompt("(a:inf)"), Error);
  EXPECT_THROW((void)parse_weighted_prompt("(a:nan)"), Error);
  EXPECT_THROW((void)parse_weighted_prompt("((a):1e308)"), Error);
  EXPECT_THROW((void)parse_weighted_prompt("(a:1e999)"), Error);
  EXPECT_EQ(parse_weighted_prompt("(a:1e-999)"), (Parts{{"a", 0.0}}));
}

TEST(ClipPrompt, RefusesBottomlessNesting) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "a" + std::string(depth, ')'); };
  EXPECT_NO_THROW((void)parse_weighted_prompt(nested(900)));
  EXPECT_THROW((void)parse_weighted_prompt(nested(901)), Error);
  EXPECT_THROW((void)parse_weighted_prompt(nested(100000)), Error);
}

}  // namespace
}  // namespace comfystream::models
