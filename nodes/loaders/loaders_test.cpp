// SPDX-License-Identifier: Apache-2.0
#include "tests/support/studio_test.hpp"

#include <gmock/gmock.h>

namespace comfystream::tests {
namespace {

using ::testing::HasSubstr;

class LoadersTest : public StudioTest {
 protected:
  /// An error that only a trace shows: the list of choices holds the value.
  static void expect_unsupported(const Json& json, const std::string& message) {
    const auto error = error_of(json);
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(error.message(), message);
    EXPECT_FALSE(error.hint().empty());
  }
};

TEST_F(LoadersTest, ACheckpointGivesAllThreeParts) {
  Json json = batch_workflow();
  json["3"] = node("CheckpointLoaderSimple", {{"ckpt_name", "all.safetensors"}});
  json["5"]["inputs"]["clip"] = json["6"]["inputs"]["clip"] = link("3", 1);
  json["14"]["inputs"]["vae"] = link("3", 2);
  const auto traced = trace(json, 20);
  EXPECT_EQ(traced.max_batch, 8) << "the depth engine's";
  EXPECT_EQ(run(traced, pictures(2, 32, 64)).shape(), (Shape{2, 32, 64, 3}));
}

TEST_F(LoadersTest, PartsThatACheckpointLacksAreNamedWhereTheyAreUsed) {
  const auto unet_only = [](const char* prefix, const weights::TensorSpecs& specs, const std::string& name) {
    weights::WeightMap map("part");
    const auto part = synth_weights(specs, DType::kF32, "part");
    for (const auto& [key, tensor] : part.tensors()) map.insert(prefix + key, tensor);
    weights::save_safetensors(studio().models().root() / "checkpoints" / name, map);
  };
  unet_only("model.diffusion_model.", weights::unet_tensors(tiny_dims().unet), "unet_only.safetensors");
  unet_only("first_stage_model.", weights::autoencoder_kl_tensors(tiny_dims().vae), "vae_only.safetensors");
  Json json = batch_workflow();
  json["3"] = node("CheckpointLoaderSimple", {{"ckpt_name", "unet_only.safetensors"}});
  EXPECT_EQ(error_of(with(json, "5", "clip", link("3", 1))).message(),
            "CLIPTextEncode #5: 'unet_only.safetensors' has no text encoder");
  EXPECT_EQ(error_of(with(json, "14", "vae", link("3", 2))).message(),
            "VAEDecode #14: 'unet_only.safetensors' has no VAE");
  EXPECT_EQ(error_of(with(json, "3", "ckpt_name", "vae_only.safetensors")).message(),
            "KSampler #7: 'vae_only.safetensors' has no diffusion model");
}

TEST_F(LoadersTest, PlainModelsTakeAnyBatchAndSize) {
  Json json = batch_workflow();
  json["3"] = node("UNETLoader", {{"unet_name", "unet.safetensors"}, {"weight_dtype", "default"}});
  json["2"] = node("LoadTensor", Json::object());
  const auto traced = trace(with(json, "16", "width", 1024), 100);
  EXPECT_EQ(traced.max_batch, 100);
  EXPECT_EQ(traced.output, (workflow::Size{1024, 32}));
  expect_unsupported(with(json, "3", "weight_dtype", "fp8_e5m2"),
                     "UNETLoader #3: weight_dtype 'fp8_e5m2' is not supported");
}

TEST_F(LoadersTest, OtherModelFamiliesAreRefused) {
  expect_unsupported(with(batch_workflow(), "3", "model_type", "SDXL"),
                     "TensorRTLoader #3: models of type 'SDXL' are not supported");
  EXPECT_NO_THROW((void)trace(with(batch_workflow(), "3", "model_type", "sd1.x")));
  expect_unsupported(with(batch_workflow(), "4", "type", "sd3"),
                     "CLIPLoader #4: text encoders of type 'sd3' are not supported");
}

TEST_F(LoadersTest, EnginesOfTheOtherKindAreRefused) {
  const auto error = error_of(with(batch_workflow(), "3", "unet_name", "depth-anything/depth.engine"));
  EXPECT_EQ(error.message(),
            "TensorRTLoader #3: the engine 'depth-anything/depth.engine' is of a depth-anything network, and this node "
            "runs those of a unet network");
}

TEST_F(LoadersTest, TheVaeMayBeAFileOrTwoHalvesOrThePixels) {
  const Json json = batch_workflow();
  EXPECT_FALSE(identical(picture(with(json, "11", "vae_name", "kl.safetensors")), picture(json)));
  // Pixels through their "latent" and back.
  Json pixels = {{"1", node("LoadTensor", Json::object())},
                 {"2", node("VAELoader", {{"vae_name", "pixel_space"}})},
                 {"3", node("VAEEncode", {{"pixels", link("1")}, {"vae", link("2")}})},
                 {"4", node("VAEDecode", {{"samples", link("3")}, {"vae", link("2")}})},
                 {"5", node("SaveTensor", {{"images", link("4")}})}};
  const Tensor out = picture(pixels);
  const Tensor in = pictures(1, 32, 64);
  for (std::size_t i = 0; i < in.bytes().size(); ++i) {
    ASSERT_NEAR(static_cast<int>(out.bytes()[i]), static_cast<int>(in.bytes()[i]), 1) << i;
  }
}

TEST_F(LoadersTest, PicturesAreCutToWhatTheVaeDivides) {
  Json json = {{"1", node("LoadTensor", Json::object())},
               {"2", node("VAELoader", {{"vae_name", "taesd"}})},
               {"3", node("VAEEncode", {{"pixels", link("1")}, {"vae", link("2")}})},
               {"4", node("VAEDecode", {{"samples", link("3")}, {"vae", link("2")}})},
               {"5", node("SaveTensor", {{"images", link("4")}})}};
  auto odd = options();
  odd.frames = {45, 33};
  const auto traced = studio().trace(json, odd);
  EXPECT_EQ(traced.output, (workflow::Size{40, 32}));
  const Tensor frames = pictures(1, 33, 45);
  const Tensor whole = run(traced, frames);
  Tensor changed = frames.clone();
  changed.mutable_bytes()[1 * 3] ^= std::byte{0xFF};  // of the five columns too many, two are left of the middle
  EXPECT_TRUE(identical(run(traced, changed), whole));
  changed.mutable_bytes()[2 * 3] ^= std::byte{0xFF};
  EXPECT_FALSE(identical(run(traced, changed), whole));
  odd.frames = {45, 7};
  EXPECT_THAT(thrown_by([&] { return studio().trace(json, odd); }).message(), HasSubstr("smaller than 8 pixels"));
}

}  // namespace
}  // namespace comfystream::tests
