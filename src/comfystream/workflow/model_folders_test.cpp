// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/model_folders.hpp"

#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::TestFolder;
using tests::thrown_by;

TEST(ModelFolders, TheRootIsTheModelsFolderOrTheOneAboveIt) {
  const TestFolder comfy;
  comfy.write("models/controlnet/b.safetensors", "");
  comfy.write("models/controlnet/sub/a.pth", "");
  comfy.write("models/controlnet/readme.md", "");
  const auto models = comfy / "models";
  for (const auto& root : {comfy.path(), models, models / ""}) {
    const ModelFolders folders(root);
    EXPECT_EQ(folders.root(), models);
    EXPECT_THAT(folders.list("controlnet"), ElementsAre("b.safetensors", "sub/a.pth"));
    EXPECT_EQ(folders.resolve("controlnet", "sub/a.pth"), models / "controlnet/sub/a.pth");
  }
}

TEST(ModelFolders, SomeNamesStandForSeveralFolders) {
  const TestFolder comfy;
  comfy.write("models/unet/u.safetensors", "");
  comfy.write("models/diffusion_models/d.safetensors", "");
  comfy.write("models/clip/c.safetensors", "");
  comfy.write("models/text_encoders/t.safetensors", "");
  const ModelFolders folders(comfy.path());
  EXPECT_THAT(folders.list("unet"), ElementsAre("d.safetensors", "u.safetensors"));
  EXPECT_THAT(folders.list("clip"), ElementsAre("c.safetensors", "t.safetensors"));
  EXPECT_EQ(folders.resolve("clip", "t.safetensors"), comfy / "models/text_encoders/t.safetensors");
}

TEST(ModelFolders, EnginesAreFoundInAndBelowTensorrtAndInTheOutputFolder) {
  const TestFolder comfy;
  comfy.write("models/tensorrt/top.engine", "");
  comfy.write("models/tensorrt/unet/below.engine", "");
  comfy.write("models/tensorrt/depth-anything/depth.engine", "");
  comfy.write("output/tensorrt/built.engine", "");
  comfy.write("models/tensorrt/note.safetensors", "");
  const ModelFolders folders(comfy.path());
  EXPECT_THAT(folders.list("tensorrt"),
              ElementsAre("built.engine", "depth-anything/depth.engine", "top.engine", "unet/below.engine"));
  EXPECT_EQ(folders.resolve("tensorrt", "below.engine"), comfy / "models/tensorrt/unet/below.engine");
  EXPECT_EQ(folders.resolve("tensorrt", "unet/below.engine"), comfy / "models/tensorrt/unet/below.engine");
  EXPECT_EQ(folders.resolve("tensorrt", "built.engine"), comfy / "output/tensorrt/built.engine");
  EXPECT_THAT(folders.list("depth-anything"), ElementsAre("depth.engine"));
}

TEST(ModelFolders, TinyVaesAreListedWhenBothHalvesAreThere) {
  const TestFolder comfy;
  comfy.write("models/vae/kl.safetensors", "");
  comfy.write("models/vae_approx/taesd_encoder.pth", "");
  comfy.write("models/vae_approx/taesd_decoder.safetensors", "");
  comfy.write("models/vae_approx/taesdxl_decoder.safetensors", "");
  EXPECT_THAT(ModelFolders(comfy.path()).list("vae"), ElementsAre("kl.safetensors", "pixel_space", "taesd"));
}

TEST(ModelFolders, PicturesComeFromTheInputFolderBesideModelsThenFromTheOneGiven) {
  const TestFolder comfy;
  comfy.write("models/x", "");
  comfy.write("input/a.png", "");
  comfy.write("input/deep/hidden.png", "");
  comfy.write("elsewhere/a.png", "");
  comfy.write("elsewhere/b.JPG", "");
  comfy.write("elsewhere/c.txt", "");
  const ModelFolders folders(comfy.path(), comfy / "elsewhere");
  EXPECT_THAT(folders.list("input"), ElementsAre("a.png", "b.JPG"));
  EXPECT_EQ(folders.resolve("input", "a.png"), comfy / "input/a.png");
  EXPECT_EQ(folders.resolve("input", "b.JPG"), comfy / "elsewhere/b.JPG");
  EXPECT_EQ(folders.resolve("input", "deep/hidden.png"), comfy / "input/deep/hidden.png");
}

TEST(ModelFolders, AMissingFileIsNamedWithItsNearestNeighbours) {
  const TestFolder comfy;
  for (const char* name : {"zebra", "control_v11_depth", "control_v11_canny", "x1", "x2", "x3"}) {
    comfy.write("models/controlnet/" + std::string(name) + ".safetensors", "");
  }
  const ModelFolders folders(comfy.path());
  const auto error = thrown_by([&] { return folders.resolve("controlnet", "control_v11_dept.safetensors"); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(),
              HasSubstr("there is no 'control_v11_dept.safetensors' in " + (comfy / "models/controlnet").string() +
                        ", which has 'control_v11_depth.safetensors', 'control_v11_canny.safetensors'"));
  EXPECT_THAT(error.message(), HasSubstr("and 1 more"));
  EXPECT_THAT(thrown_by([&] { return folders.resolve("checkpoints", "a.ckpt"); }).message(),
              HasSubstr("which has no such files"));
}

TEST(ModelFolders, NamesDoNotLeaveTheirFolder) {
  const TestFolder comfy;
  comfy.write("models/secret.safetensors", "");
  comfy.write("models/vae/v.safetensors", "");
  const ModelFolders folders(comfy.path());
  const std::string absolute = (comfy / "models/vae/v.safetensors").string();
  for (const std::string& name : {std::string("../secret.safetensors"), std::string("sub/../../secret.safetensors"),
                                  absolute, std::string(), std::string("v.safetensors\0x", 15)}) {
    EXPECT_EQ(thrown_by([&] { return folders.resolve("vae", name); }).code(), ErrorCode::kInvalidArgument) << name;
  }
}

TEST(ModelFolders, WithoutAFolderThereIsNothing) {
  const ModelFolders none;
  EXPECT_THAT(none.list("checkpoints"), IsEmpty());
  EXPECT_THAT(none.places("input"), IsEmpty());
  EXPECT_THAT(thrown_by([&] { return none.resolve("checkpoints", "a.ckpt"); }).hint(), HasSubstr("--models"));
}

}  // namespace
}  // namespace comfystream::workflow
