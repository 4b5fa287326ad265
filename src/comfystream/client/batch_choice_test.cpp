// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/batch_choice.hpp"

#include "tests/support/test_folder.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::client {
namespace {

using testing::HasSubstr;

stream::BenchRow row(int batch_size, double fps, double latency_ms) {
  stream::BenchRow row;
  row.batch_size = batch_size;
  row.fps.median = fps;
  row.latency_ms.median = latency_ms;
  return row;
}

std::vector<stream::BenchRow> measured() { return {row(1, 120, 8), row(2, 160, 13), row(4, 178, 23), row(8, 180, 42)}; }

TEST(BatchChoice, TheSmallestOfTheFastest) {
  const BatchChoice choice = choose_batch_size(measured(), std::nullopt);
  EXPECT_EQ(choice.batch_size, 4) << "8 is 1 % faster, which is not worth its latency";
  EXPECT_THAT(choice.why, HasSubstr("8: 180.0 FPS, 42.0 ms"));
}

TEST(BatchChoice, WithinALatency) {
  EXPECT_EQ(choose_batch_size(measured(), 20.0).batch_size, 2);
  EXPECT_EQ(choose_batch_size(measured(), 8.0).batch_size, 1);
  EXPECT_EQ(choose_batch_size(measured(), 100.0).batch_size, 4);
}

TEST(BatchChoice, NearestWhereNoneIsFastEnough) {
  const BatchChoice choice = choose_batch_size(measured(), 5.0);
  EXPECT_EQ(choice.batch_size, 1);
  EXPECT_THAT(choice.why, HasSubstr("none is within 5 ms"));
}

TEST(BatchChoices, AreKeptBetweenRunsByKey) {
  const tests::TestFolder folder;
  const BatchChoices choices(folder.path() / "cache");
  EXPECT_FALSE(choices.find("a"));
  choices.remember("a", {4, "why"});
  choices.remember("b", {2, "other"});
  const auto found = BatchChoices(folder.path() / "cache").find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->batch_size, 4);
  EXPECT_EQ(found->why, "why");
  EXPECT_FALSE(choices.find("c"));
}

TEST(BatchChoices, ABrokenFileIsNone) {
  const tests::TestFolder folder;
  const BatchChoices choices(folder.path());
  for (const char* text : {"{", "[1]", R"({"a": 3})", R"({"a": {"batch_size": "x", "why": ""}})",
                           R"({"a": {"batch_size": 0, "why": ""}})"}) {
    std::ofstream(choices.file()) << text;
    EXPECT_FALSE(choices.find("a")) << text;
  }
  choices.remember("a", {1, ""});
  EXPECT_TRUE(choices.find("a"));
  EXPECT_FALSE(BatchChoices({}).find("a"));
}

}  // namespace
}  // namespace comfystream::client
