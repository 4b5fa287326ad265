// SPDX-License-Identifier: Apache-2.0
#include "tests/support/studio_test.hpp"

#include <gmock/gmock.h>

namespace comfystream::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ConditioningTest : public StudioTest {
 protected:
  /// The batch workflow on a plain model, which takes prompts of any length.
  static Json plain() {
    Json json = batch_workflow();
    json["3"] = node("UNETLoader", {{"unet_name", "unet.safetensors"}, {"weight_dtype", "default"}});
    return json;
  }
};

TEST_F(ConditioningTest, TokensAndWeightsOfAPromptAreLive) {
  const auto traced = trace(with(plain(), "5", "text", "a (quiet:1.5) garden"));
  EXPECT_EQ(initial(traced, "5.text").dtype(), DType::kI32);
  EXPECT_EQ(initial(traced, "5.text").shape(), (Shape{1, 77}));
  EXPECT_EQ(initial(traced, "5.text_weights").values<float>()[2], 1.5F);
}

TEST_F(ConditioningTest, ALongPromptHasMoreChunks) {
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  EXPECT_EQ(initial(trace(with(plain(), "5", "text", words)), "5.text").shape(), (Shape{2, 77}));
}

TEST_F(ConditioningTest, AnEarlierLayerGivesAnotherPicture) {
  Json json = plain();
  json["21"] = node("CLIPSetLastLayer", {{"clip", link("4")}, {"stop_at_clip_layer", -2}});
  json = with(json, "5", "clip", link("21"));
  EXPECT_FALSE(identical(picture(json), picture(plain())));
  EXPECT_TRUE(identical(picture(with(json, "21", "stop_at_clip_layer", -1)), picture(plain())));
}

TEST_F(ConditioningTest, JoinedPromptsKeepTheControlOfTheFirst) {
  Json json = plain();
  json["22"] = node("ConditioningConcat", {{"conditioning_to", link("9")}, {"conditioning_from", link("6")}});
  json = with(json, "7", "positive", link("22"));
  const auto kept = trace(json);
  EXPECT_GT(operations_of(kept, "ControlNetApplyAdvanced#9"), 0);
  EXPECT_THAT(kept.notes, Not(Contains(HasSubstr("dropped"))));
  EXPECT_FALSE(identical(picture(json), picture(plain())));
  const auto dropped =
      trace(with(with(json, "22", "conditioning_to", link("6")), "22", "conditioning_from", link("9")));
  EXPECT_EQ(operations_of(dropped, "ControlNetApplyAdvanced#9"), 0);
  EXPECT_THAT(dropped.notes,
              Contains(HasSubstr("ConditioningConcat #22: the ControlNet of conditioning_from is dropped")));
}

TEST_F(ConditioningTest, JoinedPromptsMayBeTooLongForAnEngine) {
  Json json = batch_workflow();
  json["22"] = node("ConditioningConcat", {{"conditioning_to", link("9")}, {"conditioning_from", link("6")}});
  EXPECT_THAT(error_of(with(json, "7", "positive", link("22"))).message(), HasSubstr("of 1, and this workflow has 2"));
}

TEST_F(ConditioningTest, PromptsOfOtherLengthsCanBeGuided) {
  Json json = with(plain(), "7", "cfg", 2.0);
  json["22"] = node("ConditioningConcat", {{"conditioning_to", link("9")}, {"conditioning_from", link("6")}});
  EXPECT_NO_THROW((void)picture(with(json, "7", "positive", link("22"))));
}

}  // namespace
}  // namespace comfystream::tests
