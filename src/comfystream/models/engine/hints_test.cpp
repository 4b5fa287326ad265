// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/hints.hpp"

#include "tests/support/test_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Path = std::filesystem::path;

const Path kUNetEngine = "models/tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-768_00001_.engine";

TEST(Hints, NameTheNearestFilesFirst) {
  const tests::TestFolder folder;
  for (const char* name : {"a.engine", "dreamshaper7.engine", "DreamShaper-8.engine", "x.engine", "y.engine"}) {
    folder.write(name, "");
  }
  std::filesystem::create_directory(folder / "dreamshaper8");
  const auto names = near_names(folder / "dreamshaper8.engine");
  EXPECT_THAT(names, SizeIs(4));
  EXPECT_EQ(names[0], "DreamShaper-8.engine");
  EXPECT_EQ(names[1], "dreamshaper7.engine");
  EXPECT_THAT(near_names(folder / "absent" / "a.engine"), SizeIs(0));
}

TEST(Hints, KnowTheKindByFolderAndName) {
  EXPECT_EQ(kind_by_name(kUNetEngine), EngineKind::kUNet);
  EXPECT_EQ(kind_by_name("tensorrt/depth-anything/vitl.engine"), EngineKind::kDepthAnything);
  EXPECT_EQ(kind_by_name("DepthAnything_v2.engine"), EngineKind::kDepthAnything);
}

TEST(Hints, PickTheCheckpointOfTheSameName) {
  const std::vector<Path> candidates = {
      "checkpoints/v1-5-pruned.safetensors", "unet/dreamshaper-8-dmd-1kstep.safetensors",
      "checkpoints/realistic_SD15.safetensors", "depth/depth_anything_v2_vitb.pth", "depth/depth_anything_v2_vitl.pth"};
  EXPECT_EQ(likely_source(kUNetEngine, candidates), candidates[1]);
  EXPECT_EQ(likely_source("depth-anything/depth_anything_v2_vitl-fp16.engine", candidates), candidates[4]);
  EXPECT_EQ(likely_source("other_SD15.engine", std::vector<Path>{"x_SD15.safetensors"}), std::nullopt);
  EXPECT_EQ(likely_source(kUNetEngine, {}), std::nullopt);
}

TEST(Hints, GiveACommandForTheShell) {
  EXPECT_EQ(build_command(kUNetEngine, Path("my models/it's.safetensors")),
            "comfystream engine build --checkpoint 'my models/it'\\''s.safetensors' --batch 1:2:2 --height 512 --width "
            "768 -o 'models/tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-768_00001_.engine'");
  EXPECT_EQ(build_command("depth-anything/a.engine", std::nullopt),
            "comfystream engine build --checkpoint <the model it was made from> --batch 1:2:8 --height 518 --width 518 "
            "-o depth-anything/a.engine");
}

TEST(Hints, DoNotRepeatAProfileThatCannotBe) {
  const std::string command = build_command("a_$stat-b-0-h-512-w-512_00001_.engine", std::nullopt);
  EXPECT_NE(command.find("--batch 1:2:8 --height 512 --width 512"), std::string::npos) << command;
}

}  // namespace
}  // namespace comfystream::engine
