// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/engine_name.hpp"

#include "tests/support/test_folder.hpp"

#include <gtest/gtest.h>

namespace comfystream::engine {
namespace {

const EngineProfile kDynamic = {.batch = {1, 2, 8}, .height = {512, 512, 704}, .width = {320, 384, 448}, .context = {}};

TEST(EngineName, FollowsUpstreamsPattern) {
  EXPECT_EQ(engine_file_name("static-dreamshaper8", "SD15", default_profile(EngineKind::kUNet), true, 1),
            "static-dreamshaper8_SD15_$stat-b-1-h-512-w-512_00001_.engine");
  EXPECT_EQ(engine_file_name("ComfyUI_DYN", "", kDynamic, false, 42),
            "ComfyUI_DYN_$dyn-b-1-8-2-h-512-704-512-w-320-448-384_00042_.engine");
  EXPECT_EQ(engine_file_name("p", "", kDynamic, true, 123456), "p_$stat-b-2-h-512-w-384_123456_.engine");
}

TEST(EngineName, TakesTheNextFreeCounter) {
  const tests::TestFolder folder;
  const EngineProfile profile = default_profile(EngineKind::kUNet);
  const auto next = [&] { return next_engine_path(folder.path(), "a", "SD15", profile, true).filename().string(); };
  EXPECT_EQ(next(), "a_SD15_$stat-b-1-h-512-w-512_00001_.engine");
  folder.write("a_SD15_$stat-b-1-h-512-w-512_00001_.engine", "");
  folder.write("a_SD15_$stat-b-1-h-512-w-512_00007_.engine", "");
  EXPECT_EQ(next(), "a_SD15_$stat-b-1-h-512-w-512_00008_.engine");
  for (const char* other : {"a_SD15_$stat-b-2-h-512-w-512_00020_.engine", "a_SD15_$stat-b-1-h-512-w-512_9x_.engine",
                            "a_SD15_$stat-b-1-h-512-w-512_00030.engine", "a_SD15_$stat-b-1-h-512-w-512_",
                            "a_SD15_$stat-b-1-h-512-w-512_99999999999999999999_.engine"}) {
    folder.write(other, "");
  }
  EXPECT_EQ(next(), "a_SD15_$stat-b-1-h-512-w-512_00008_.engine");
  EXPECT_EQ(next_engine_counter(folder / "absent", "a"), 1);
}

TEST(EngineName, GivesItsProfileBack) {
  for (const bool is_static : {true, false}) {
    const EngineProfile profile = is_static ? default_profile(EngineKind::kUNet) : kDynamic;
    EXPECT_EQ(profile_in_name(engine_file_name("x_b-9-h-9", "SD15", profile, is_static, 1)), profile);
  }
  for (const char* name : {"", "depth_anything_vitl14-fp16.engine", "a_$stat", "a_$stat-b-", "a_$stat-b-1-h-512",
                           "a_$dyn-b-1-2-h-512", "a_$stat-b-99999999999999999999-h-512-w-512"}) {
    EXPECT_EQ(profile_in_name(name), std::nullopt) << name;
  }
}

TEST(EngineName, GivesItsPrefixBack) {
  EXPECT_EQ(prefix_of_name("static-dreamshaper8_SD15_$stat-b-1-h-512-w-512_00001_.engine"), "static-dreamshaper8_SD15");
  EXPECT_EQ(prefix_of_name("depth_anything_v2_vitl-fp16.engine"), "depth_anything_v2_vitl-fp16");
  EXPECT_EQ(prefix_of_name("$stat-b-1"), "");
  EXPECT_EQ(prefix_of_name(""), "");
}

}  // namespace
}  // namespace comfystream::engine
