// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/build_engine.hpp"

#include "comfystream/models/engine/sha256.hpp"
#include "comfystream/models/engine/test_models.hpp"
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"
#include "tests/support/network_golden.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/torch_file.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Path = std::filesystem::path;

std::string hash_of(const Path& path) {
  const auto file = weights::MappedFile::open(path);
  Sha256 hash;
  hash.update(file->bytes());
  return hash.finish();
}

void expect_same_bits(const weights::WeightMap& actual, const weights::WeightMap& expected, DType dtype) {
  EXPECT_EQ(actual.tensors().size(), expected.tensors().size());
  for (const auto& [name, tensor] : expected.tensors()) {
    const Tensor wanted = tensor.cast(dtype);
    const Tensor& found = actual.at(name);
    EXPECT_EQ(found.shape(), wanted.shape()) << name;
    EXPECT_EQ(found.dtype(), dtype) << name;
    EXPECT_TRUE(std::ranges::equal(found.bytes(), wanted.bytes())) << name;
  }
}

class BuildEngine : public ::testing::Test {
 protected:
  Path save(const std::string& name, const weights::WeightMap& weights) const {
    weights::save_safetensors(folder_ / name, weights);
    return folder_ / name;
  }
  BuildRequest request(const Path& checkpoint) const {
    BuildRequest request;
    request.checkpoint = checkpoint;
    request.output = folder_ / "out" / "a.engine";
    return request;
  }
  Engine built(const BuildRequest& wanted) const {
    build_engine(wanted);
    return load_engine(wanted.output);
  }

  tests::TestFolder folder_;
};

TEST_F(BuildEngine, KeepsEveryBitOfAUNetInEveryDType) {
  const weights::WeightMap unet = test_unet();
  const Path checkpoint = save("unet.safetensors", unet);
  for (const DType dtype : {DType::kF16, DType::kF32, DType::kBF16}) {
    BuildRequest wanted = request(checkpoint);
    wanted.dtype = dtype;
    const Engine engine = built(wanted);
    expect_same_bits(engine.weights, unet, dtype);
    EXPECT_EQ(engine.info.dtype, dtype);
  }
}

TEST_F(BuildEngine, SaysWhatItIs) {
  const Path checkpoint = save("unet.safetensors", test_unet());
  BuildRequest wanted = request(checkpoint);
  wanted.batch = {1, 2, 8};
  wanted.width = {256, 512, 768};
  wanted.context = {1, 1, 2};
  const EngineInfo info = built(wanted).info;
  EXPECT_EQ(info.kind, EngineKind::kUNet);
  EXPECT_EQ(info.profile, (EngineProfile{{1, 2, 8}, {512, 512, 512}, {256, 512, 768}, {1, 1, 2}}));
  EXPECT_EQ(info.source_file, "unet.safetensors");
  EXPECT_EQ(info.source_sha256, hash_of(checkpoint));
  EXPECT_EQ(info.unet, models::UNet(test_unet()).config());
  EXPECT_EQ(info.depth.has_value(), false);
}

TEST_F(BuildEngine, TakesTheUNetOutOfACheckpoint) {
  weights::WeightMap checkpoint;
  const weights::WeightMap whole = test_unet();
  for (const auto& [name, tensor] : whole.tensors()) {
    checkpoint.insert("model.diffusion_model." + name, tensor.cast(DType::kBF16));
  }
  checkpoint.insert("first_stage_model.decoder.conv_in.weight", Tensor(DType::kF32, Shape{4, 4, 3, 3}));
  checkpoint.insert("alphas_cumprod", Tensor(DType::kF32, Shape{1000}));
  const Engine engine = built(request(save("all.safetensors", checkpoint)));
  expect_same_bits(engine.weights, weights::split_checkpoint(checkpoint).unet, DType::kF16);
}

TEST_F(BuildEngine, ReadsDiffusersKeys) {
  const auto golden = tests::load_network_golden("unet_diffusers");
  const Engine engine = built(request(save("diffusers.safetensors", golden.model)));
  expect_same_bits(engine.weights, weights::to_ldm_unet_keys(golden.model), DType::kF16);
}

TEST_F(BuildEngine, ReadsPyTorchFiles) {
  const weights::WeightMap unet = test_unet();
  expect_same_bits(built(request(folder_.write("unet.ckpt", tests::torch_file(unet)))).weights, unet, DType::kF16);
  const Engine depth = built(request(folder_.write("depth_anything_v2_vits.pth", tests::torch_file(test_depth()))));
  expect_same_bits(depth.weights, test_depth(), DType::kF16);
}

class BuildDepthEngine : public BuildEngine, public ::testing::WithParamInterface<const char*> {};

TEST_P(BuildDepthEngine, IsTheSameNetwork) {
  const std::string name = std::string("depth_anything_") + GetParam();
  const auto golden = tests::load_network_golden(name, name + ".safetensors");
  const Engine engine = built(request(save(name + ".safetensors", golden.model)));
  expect_same_bits(engine.weights, weights::to_depth_anything_keys(golden.model), DType::kF16);
  const models::DepthAnythingConfig expected = models::DepthAnything(golden.model).config();
  const models::DepthAnythingConfig actual = models::DepthAnything(engine.weights).config();
  EXPECT_EQ(engine.info.kind, EngineKind::kDepthAnything);
  EXPECT_EQ(engine.info.profile, default_profile(EngineKind::kDepthAnything));
  EXPECT_EQ(actual.version, expected.version);
  EXPECT_EQ(actual.taps, expected.taps);
  EXPECT_EQ(actual.metric, expected.metric);
}

INSTANTIATE_TEST_SUITE_P(Layouts, BuildDepthEngine,
                         ::testing::Values("v1_official", "v2_official", "v1_transformers", "v2_transformers"),
                         [](const auto& param) { return std::string(param.param); });

TEST_F(BuildEngine, DoesNotReplaceAnyOtherCheckpoint) {
  const auto path = save("unet.safetensors", test_unet());
  const auto size = std::filesystem::file_size(path);
  BuildRequest wanted = request(path);
  wanted.output = folder_ / "." / "unet.safetensors";
  EXPECT_THAT(tests::thrown_by([&] { return build_engine(wanted); }).message(), HasSubstr("replace its checkpoint"));
  EXPECT_EQ(std::filesystem::file_size(path), size);
}

TEST_F(BuildEngine, DepthVersionMayBeStated) {
  BuildRequest wanted = request(save("depth.safetensors", test_depth()));
  const Error error = tests::thrown_by([&] { return build_engine(wanted); });
  EXPECT_THAT(error.message(), HasSubstr("V1 or V2?"));
  wanted.depth_version = models::DepthAnythingVersion::kV1;
  EXPECT_EQ(models::DepthAnything(built(wanted).weights).config().version, models::DepthAnythingVersion::kV1);
}

TEST_F(BuildEngine, TensorsThatNothingReadsMayBeMissing) {
  weights::WeightMap less("model");
  const weights::WeightMap whole = test_depth();
  for (const auto& [name, tensor] : whole.tensors()) {
    const bool unread = name == "pretrained.mask_token" || name.find("refinenet4.resConfUnit1") != std::string::npos;
    if (!unread) less.insert(name, tensor);
  }
  expect_same_bits(built(request(save("depth_v2.safetensors", less))).weights, less, DType::kF16);
}

TEST_F(BuildEngine, MayReplaceACheckpointThatIsCalledAnEngine) {
  BuildRequest wanted = request(save("unet.engine", test_unet()));
  wanted.output = wanted.checkpoint;
  expect_same_bits(built(wanted).weights, test_unet(), DType::kF16);
  wanted.batch = {1, 4, 4};  // an engine is a checkpoint too
  EXPECT_EQ(built(wanted).info.profile.batch, (ProfileRange{1, 4, 4}));
}

TEST_F(BuildEngine, SaysWhatAnotherModelIs) {
  const std::vector<std::pair<const char*, const char*>> others = {
      {"control_model.input_hint_block.0.weight", "a ControlNet, which needs no engine"},
      {"controlnet_cond_embedding.conv_in.weight", "a ControlNet, which needs no engine"},
      {"text_model.final_layer_norm.weight", "a text encoder, which needs no engine"},
      {"decoder.conv_in.weight", "a VAE, which needs no engine"},
      {"something.else", "give an SD 1.x checkpoint"},
  };
  for (const auto& [key, what] : others) {
    weights::WeightMap other;
    other.insert(key, Tensor(DType::kF32, Shape{1}));
    const Path checkpoint = save("other.safetensors", other);
    const Error error = tests::thrown_by([&] { return build_engine(request(checkpoint)); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message(), HasSubstr("holds neither"));
    EXPECT_THAT(error.hint(), HasSubstr(what));
  }
}

TEST_F(BuildEngine, RefusesWhatCannotBe) {
  weights::WeightMap lacking;
  const weights::WeightMap whole = test_unet();
  for (const auto& [name, tensor] : whole.tensors()) {
    if (name != "out.2.bias") lacking.insert(name, tensor);
  }
  const auto refused = [&](const BuildRequest& wanted) {
    return tests::thrown_by([&] { return build_engine(wanted); });
  };
  EXPECT_THAT(refused(request(save("lacking.safetensors", lacking))).message(), HasSubstr("no tensor 'out.2.bias'"));
  BuildRequest wanted = request(save("unet.safetensors", test_unet()));
  wanted.height = {512, 500, 512};
  EXPECT_THAT(refused(wanted).message(), HasSubstr("height 512:500:512 is not in rising order"));
  wanted.height = {};
  wanted.dtype = DType::kI32;
  EXPECT_THAT(refused(wanted).message(), HasSubstr("dtype i32"));
  EXPECT_FALSE(std::filesystem::exists(wanted.output));
}

TEST_F(BuildEngine, DepthSizesFollowThePatch) {
  BuildRequest wanted = request(save("depth_v2.safetensors", test_depth()));
  wanted.height = {512, 512, 512};
  const Error error = tests::thrown_by([&] { return build_engine(wanted); });
  EXPECT_THAT(error.message(), HasSubstr("height 512:512:512 is not of multiples of 14"));
  wanted.height = {252, 252, 518};
  EXPECT_EQ(built(wanted).info.profile.height, (ProfileRange{252, 252, 518}));
}

TEST_F(BuildEngine, WritesNoInfinities) {
  weights::WeightMap unet = test_unet();
  unet.insert("out.2.bias", Tensor::from<float>(Shape{4}, {1.0F, 7e4F, 0.0F, 0.0F}));
  BuildRequest wanted = request(save("unet.safetensors", unet));
  const Error error = tests::thrown_by([&] { return build_engine(wanted); });
  EXPECT_THAT(error.message(), HasSubstr("'out.2.bias'"));
  EXPECT_FALSE(std::filesystem::exists(wanted.output));
  wanted.dtype = DType::kBF16;
  EXPECT_NO_THROW(build_engine(wanted));
}

TEST_F(BuildEngine, ReportsItsProgress) {
  BuildRequest wanted = request(save("unet.safetensors", test_unet()));
  std::uint64_t last = 0;
  std::uint64_t all = 0;
  wanted.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    all = total;
  };
  build_engine(wanted);
  EXPECT_GT(all, 0U);
  EXPECT_EQ(last, all);
}

}  // namespace
}  // namespace comfystream::engine
