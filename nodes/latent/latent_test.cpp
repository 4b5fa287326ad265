// SPDX-License-Identifier: Apache-2.0
// Nodes that repeat and pick the rows of a batch.
#include "tests/support/studio_test.hpp"

#include <gmock/gmock.h>

namespace comfystream::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class LatentTest : public StudioTest {
 protected:
  /// Frames as pixel-space latents through `between` (input "samples", id "4") and back.
  static Json through(Json between, int frames) {
    between["inputs"]["samples"] = link("3");
    return {{"1", node("LoadTensor", {{"batch_size", frames}})},
            {"2", node("VAELoader", {{"vae_name", "pixel_space"}})},
            {"3", node("VAEEncode", {{"pixels", link("1")}, {"vae", link("2")}})},
            {"4", std::move(between)},
            {"5", node("VAEDecode", {{"samples", link("4")}, {"vae", link("2")}})},
            {"6", node("SaveTensor", {{"images", link("5")}})}};
  }
  /// Pixels differ by rounding at most.
  static void expect_like(const Tensor& actual, const Tensor& expected) {
    ASSERT_EQ(actual.shape(), expected.shape());
    for (std::size_t i = 0; i < actual.bytes().size(); ++i) {
      ASSERT_NEAR(static_cast<int>(actual.bytes()[i]), static_cast<int>(expected.bytes()[i]), 1) << i;
    }
  }
};

TEST_F(LatentTest, OneRowOfABatchLeavesForEveryFrame) {
  const auto traced = trace(through(node("LatentFromBatch", {{"batch_index", 1}, {"length", 1}}), 2));
  EXPECT_TRUE(traced.fixed_batch);
  const Tensor frames = pictures(2, 32, 64);
  const Tensor out = run_reference(traced.graph, {frames}, 1).front();
  expect_like(row(out, 0), row(frames, 1));
  expect_like(row(out, 1), row(frames, 1));
}

TEST_F(LatentTest, RowsBeyondTheBatchAreItsLast) {
  const auto traced = trace(through(node("LatentFromBatch", {{"batch_index", 9}, {"length", 9}}), 2));
  const Tensor frames = pictures(2, 32, 64);
  expect_like(row(run_reference(traced.graph, {frames}, 1).front(), 0), row(frames, 1));
}

TEST_F(LatentTest, RepeatedRowsComeBatchByBatch) {
  Json json = through(node("RepeatLatentBatch", {{"amount", 2}}), 2);
  EXPECT_THAT(error_of(json).message(), HasSubstr("[4, 32, 64, 3]"));
  json["7"] = node("LatentFromBatch", {{"samples", link("4")}, {"batch_index", 1}, {"length", 2}});
  json = with(json, "5", "samples", link("7"));
  const Tensor frames = pictures(2, 32, 64);
  const Tensor out = run_reference(trace(json).graph, {frames}, 1).front();
  expect_like(row(out, 0), row(frames, 1));
  expect_like(row(out, 1), row(frames, 0));
}

TEST_F(LatentTest, EmptyLatentsHaveARowForEachFrameHoweverOftenTheyAreRepeated) {
  Json json = batch_workflow();
  json["17"] = node("RepeatLatentBatch", {{"samples", link("16")}, {"amount", 2}});
  const auto traced = trace(with(with(json, "7", "latent_image", link("17")), "1", "batch_size", 2));
  EXPECT_TRUE(traced.fixed_batch);
  EXPECT_THAT(traced.notes, Contains(HasSubstr("RepeatLatentBatch #17: empty latents have one row")));
  const Tensor frames = pictures(2, 32, 64);
  const Tensor out = run_reference(traced.graph, {frames}, 1).front();
  const auto plain = trace(with(batch_workflow(), "1", "batch_size", 2));
  expect_like(out, run(plain, frames));
}

TEST_F(LatentTest, AFixedBatchWithGuidanceGivesEachFrameItsOwnPicture) {
  Json json = with(with(batch_workflow(), "1", "batch_size", 2), "7", "cfg", 2.0);
  const Tensor frames = pictures(2, 32, 64);
  const Tensor wanted = run(trace(json), frames);
  json["17"] = node("RepeatLatentBatch", {{"samples", link("16")}, {"amount", 1}});
  json = with(json, "7", "latent_image", link("17"));
  expect_like(run_reference(trace(json).graph, {frames}, 1).front(), wanted);
}

TEST_F(LatentTest, RowsOfARepeatedPickKeepNoiseOfTheirOwn) {
  Json json = with(batch_workflow(), "1", "batch_size", 2);
  json["17"] = node("LatentFromBatch", {{"samples", link("16")}, {"batch_index", 1}, {"length", 1}});
  json["18"] = node("RepeatLatentBatch", {{"samples", link("17")}, {"amount", 2}});
  const auto traced = trace(with(json, "7", "latent_image", link("18")));
  const Tensor& noise = initial(traced, "7.noise");
  EXPECT_EQ(noise.shape(), (Shape{2, 4, 4, 8})) << "draws 1 and 2 of the seed";
  EXPECT_FALSE(identical(row(noise, 0), row(noise, 1)));
  json["19"] = node("LatentBatchSeedBehavior", {{"samples", link("18")}, {"seed_behavior", "fixed"}});
  const auto fixed = trace(with(json, "7", "latent_image", link("19")));
  EXPECT_TRUE(identical(initial(fixed, "7.noise"), row(noise, 0))) << "one row, which no slot is told apart by";
}

}  // namespace
}  // namespace comfystream::tests
