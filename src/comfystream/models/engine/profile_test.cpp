// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/profile.hpp"

#include "tests/support/thrown_error.hpp"

#include <gtest/gtest.h>

namespace comfystream::engine {
namespace {

TEST(ProfileRange, IsReadFromOneTwoOrThreeNumbers) {
  EXPECT_EQ(parse_profile_range("512", "--height"), (ProfileRange{512, 512, 512}));
  EXPECT_EQ(parse_profile_range("1:8", "--batch"), (ProfileRange{1, 8, 8}));
  EXPECT_EQ(parse_profile_range("1:2:8", "--batch"), (ProfileRange{1, 2, 8}));
}

TEST(ProfileRange, RefusesEverythingElse) {
  for (const char* text :
       {"", ":", "1:", ":1", "1:2:3:4", "a", "1a", "1 2", "8:1", "1:9:8", "3:2:4", "1::2", "99999999999999999999"}) {
    const Error error = tests::thrown_by([&] { return parse_profile_range(text, "--batch"); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << text;
    EXPECT_NE(error.message().find("--batch '" + std::string(text) + "'"), std::string::npos) << error.what();
  }
}

TEST(ProfileRange, IsWrittenAsItIsRead) {
  for (const char* text : {"512", "1:2:8", "1:8:8"}) EXPECT_EQ(parse_profile_range(text, "").to_string(), text);
}

TEST(Profile, DefaultsAreInRange) {
  EXPECT_EQ(profile_problem(default_profile(EngineKind::kUNet), EngineKind::kUNet, 8), "");
  EXPECT_EQ(profile_problem(default_profile(EngineKind::kDepthAnything), EngineKind::kDepthAnything, 14), "");
  EXPECT_EQ(default_profile(EngineKind::kDepthAnything).batch, (ProfileRange{1, 2, 8})) << "it limits the workflow's";
}

struct BadProfile {
  const char* problem;
  EngineProfile profile;
  EngineKind kind = EngineKind::kUNet;
};

EngineProfile unet_with(ProfileRange EngineProfile::*range, ProfileRange value) {
  EngineProfile profile = default_profile(EngineKind::kUNet);
  profile.*range = value;
  return profile;
}

TEST(Profile, SaysWhatIsOutOfRange) {
  EngineProfile depth = default_profile(EngineKind::kDepthAnything);
  depth.context = {1, 1, 2};
  const std::vector<BadProfile> bad = {
      {"batch 0:1:1 is not within 1 to 100", unet_with(&EngineProfile::batch, {0, 1, 1})},
      {"batch 1:1:101 is not within 1 to 100", unet_with(&EngineProfile::batch, {1, 1, 101})},
      {"batch 2:1:4 is not in rising order", unet_with(&EngineProfile::batch, {2, 1, 4})},
      {"height 500:512:512 is not of multiples of 8", unet_with(&EngineProfile::height, {500, 512, 512})},
      {"width 512:512:8200 is not within 1 to 8192", unet_with(&EngineProfile::width, {512, 512, 8200})},
      {"context 1:1:129 is not within 1 to 128", unet_with(&EngineProfile::context, {1, 1, 129})},
      {"context 1:1:2 is not within 1 to 1", depth, EngineKind::kDepthAnything},
      {"height 512:512:512 is not of multiples of 14", default_profile(EngineKind::kUNet), EngineKind::kDepthAnything},
  };
  for (const BadProfile& entry : bad) {
    const std::int64_t multiple = entry.kind == EngineKind::kUNet ? 8 : 14;
    EXPECT_EQ(profile_problem(entry.profile, entry.kind, multiple), entry.problem);
  }
}

}  // namespace
}  // namespace comfystream::engine
