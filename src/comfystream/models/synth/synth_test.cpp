// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/synth/synth.hpp"

#include "comfystream/models/clip_text.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/synth/gains.hpp"
#include "comfystream/models/synth/model_files.hpp"
#include "comfystream/models/vae.hpp"
#include "comfystream/models/weights/key_maps.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::synth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Path = std::filesystem::path;

constexpr const char* kBatch1 = "tensorrt/static-dreamshaper8_SD15_$stat-b-1-h-512-w-512_00001_.engine";
constexpr const char* kBatch2 = "tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-512_00001_.engine";
constexpr const char* kDepthV2 = "tensorrt/depth-anything/depth_anything_v2_vitl-fp16.engine";
constexpr const char* kControlNet = "controlnet/control_v11f1p_sd15_depth_fp16.safetensors";

std::string contents(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> names_under(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(std::filesystem::relative(entry.path(), folder).string());
  }
  return names;
}

/// The tiny models, written once for all tests.
class TinyModels : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<tests::TestFolder>();
    synth_models({.seed = 3, .folder = folder_->path()});
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static weights::WeightMap load(const char* name) { return weights::load_weights(*folder_ / name); }

  static std::unique_ptr<tests::TestFolder> folder_;
};
std::unique_ptr<tests::TestFolder> TinyModels::folder_;

TEST_F(TinyModels, AreTheFilesThatWorkflowsName) {
  EXPECT_THAT(names_under(folder_->path()),
              UnorderedElementsAre("checkpoints/sd15-tiny.safetensors", "unet/sd15-tiny.safetensors",
                                   "clip/sd15-tiny.safetensors", "clip/CLIPText/model.fp16.safetensors", kControlNet,
                                   "vae/sd15-tiny.safetensors", "vae_approx/taesd_encoder.safetensors",
                                   "vae_approx/taesd_decoder.safetensors", kBatch1, kBatch2, kDepthV2,
                                   "tensorrt/depth-anything/depth_anything_vitl14-fp16.engine",
                                   "depthanything/depth_anything_v2_tiny.safetensors"));
}

TEST_F(TinyModels, AreTakenByTheModels) {
  const models::UNet unet(load("unet/sd15-tiny.safetensors"));
  EXPECT_EQ(unet.config().model_channels, 32);
  EXPECT_EQ(models::ControlNet(load(kControlNet)).config().channel_mult, unet.config().channel_mult);
  EXPECT_EQ(models::ClipText(load("clip/CLIPText/model.fp16.safetensors")).config().width, unet.config().context_dim);
  EXPECT_EQ(models::make_autoencoder_kl(load("vae/sd15-tiny.safetensors"))->downscale(), 8);
  EXPECT_EQ(models::make_autoencoder_tiny(load("vae_approx/taesd_encoder.safetensors"),
                                          load("vae_approx/taesd_decoder.safetensors"))
                ->downscale(),
            8);
  const weights::Checkpoint parts = weights::split_checkpoint(load("checkpoints/sd15-tiny.safetensors"));
  EXPECT_EQ(models::UNet(parts.unet).config(), unet.config());
  EXPECT_EQ(models::ClipText(parts.clip).config().layers, 2);
  EXPECT_EQ(models::make_autoencoder_kl(parts.vae)->downscale(), 8);
}

TEST_F(TinyModels, HaveTheSameValuesInEveryFile) {
  const weights::Checkpoint parts = weights::split_checkpoint(load("checkpoints/sd15-tiny.safetensors"));
  const auto expect_equal = [](const weights::WeightMap& part, const weights::WeightMap& alone) {
    EXPECT_EQ(part.tensors().size(), alone.tensors().size());
    for (const auto& [name, tensor] : part.tensors()) {
      EXPECT_EQ(tensor.dtype(), DType::kF16);
      EXPECT_TRUE(std::ranges::equal(tensor.bytes(), alone.at(name).bytes())) << name;
    }
  };
  expect_equal(parts.unet, load("unet/sd15-tiny.safetensors"));
  expect_equal(parts.unet, engine::load_engine(*folder_ / kBatch1).weights);
  expect_equal(parts.clip, load("clip/sd15-tiny.safetensors"));
  expect_equal(parts.vae, load("vae/sd15-tiny.safetensors"));
}

TEST_F(TinyModels, HaveTheValuesThatAreWrittenDown) {
  const weights::WeightMap clip = load("clip/sd15-tiny.safetensors");
  const std::string name = "text_model.encoder.layers.1.self_attn.v_proj.weight";
  Tensor expected(DType::kF32, Shape{64, 64});
  fill_part_values(Part::kClipText, name, expected.shape(), 3, 0, expected.mutable_values<float>());
  EXPECT_TRUE(std::ranges::equal(clip.at(name).bytes(), expected.cast(DType::kF16).bytes()));
}

TEST_F(TinyModels, EnginesRunMoreThanTheirNamesSay) {
  for (const char* name : {kBatch1, kBatch2}) {
    const engine::EngineInfo info = engine::load_engine(*folder_ / name).info;
    EXPECT_EQ(info.kind, engine::EngineKind::kUNet);
    EXPECT_EQ(info.profile.batch, (engine::ProfileRange{1, 2, 8}));
    EXPECT_TRUE(info.profile.height.contains(64) && info.profile.height.contains(512));
    EXPECT_EQ(info.source_file, "sd15-tiny.safetensors");
  }
  const engine::EngineInfo depth =
      engine::load_engine(*folder_ / "tensorrt/depth-anything/depth_anything_vitl14-fp16.engine").info;
  EXPECT_EQ(depth.depth->version, models::DepthAnythingVersion::kV2);
  EXPECT_EQ(depth.profile.batch, (engine::ProfileRange{1, 2, 8}));
}

TEST_F(TinyModels, DependOnTheSeedAlone) {
  const tests::TestFolder again;
  synth_models({.seed = 3, .folder = again.path(), .threads = 5});
  for (const std::string& name : names_under(again.path())) {
    EXPECT_EQ(contents(again / name), contents(*folder_ / name)) << name;
  }
  const tests::TestFolder other;
  synth_models({.arch = "sd15-tiny-controlnet", .seed = 4, .folder = other.path(), .threads = 1});
  EXPECT_NE(contents(other / kControlNet), contents(*folder_ / kControlNet));
}

TEST_F(TinyModels, MayBeWrittenOverThemselves) {
  const std::string before = contents(*folder_ / kBatch2);
  EXPECT_NO_THROW(synth_models({.seed = 3, .folder = folder_->path()}));
  EXPECT_EQ(contents(*folder_ / kBatch2), before);
  for (const std::string& name : names_under(folder_->path())) EXPECT_THAT(name, Not(HasSubstr(".part")));
}

TEST(SynthModels, SayWhatTheyWrote) {
  const tests::TestFolder folder;
  std::vector<std::string> begun;
  const auto files = synth_models({.arch = "sd15-tiny-clip",
                                   .dtype = DType::kF32,
                                   .folder = folder.path(),
                                   .on_file = [&](const std::string& path) { begun.push_back(path); }});
  ASSERT_EQ(files.size(), begun.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].path, folder / begun[i]);
    EXPECT_EQ(files[i].bytes, std::filesystem::file_size(files[i].path));
  }
  const weights::WeightMap clip = weights::load_weights(folder / "clip/CLIPText/model.fp16.safetensors");
  EXPECT_EQ(clip.tensors().begin()->second.dtype(), DType::kF32);
}

TEST(SynthModels, TakeAnyDepthNetwork) {
  const auto has_depth = [](const std::vector<ModelFile>& files) { return files.back().path; };
  EXPECT_EQ(has_depth(model_files("sd15")), "depthanything/depth_anything_v2_large.safetensors");
  EXPECT_EQ(has_depth(model_files("sd15-tiny", "depth-anything-v2-small")),
            "depthanything/depth_anything_v2_small.safetensors");
  const tests::TestFolder folder;
  synth_models({.arch = "depth-anything-v2-tiny", .folder = folder.path()});
  EXPECT_EQ(engine::load_engine(folder / kDepthV2).info.depth->layers, 4);
}

TEST(SynthModels, EveryNameStandsForFiles) {
  for (const std::string& arch : arch_names()) EXPECT_FALSE(model_files(arch).empty()) << arch;
  std::int64_t parameters = 0;
  const std::vector<ModelFile> unet = model_files("sd15-unet");
  for (const FileTensor& tensor : unet.front().tensors) parameters += tensor.shape.elements();
  EXPECT_EQ(parameters, 859'520'964);  // SD 1.5's UNet
}

TEST(SynthModels, RefuseWhatTheyDoNotKnow) {
  for (const auto& named : {std::pair{"sd16", ""}, std::pair{"", ""}, std::pair{"sd15", "sd15"}}) {
    const Error error = tests::thrown_by([&] { return model_files(named.first, named.second); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.hint(), HasSubstr("sd15-tiny-unet"));
  }
  const tests::TestFolder folder;
  const Error error = tests::thrown_by([&] { return synth_models({.dtype = DType::kI32, .folder = folder.path()}); });
  EXPECT_THAT(error.message(), HasSubstr("dtype i32"));
  folder.write("file", "");
  const Error blocked =
      tests::thrown_by([&] { return synth_models({.arch = "sd15-tiny-vae", .folder = folder / "file"}); });
  EXPECT_EQ(blocked.code(), ErrorCode::kIo);
}

}  // namespace
}  // namespace comfystream::synth
