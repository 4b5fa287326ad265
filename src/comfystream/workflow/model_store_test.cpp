// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/model_store.hpp"

#include "tests/support/thrown_error.hpp"
#include "tests/support/tiny_models.hpp"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using ::testing::HasSubstr;
using tests::thrown_by;
using tests::TinyModels;

class ModelStoreTest : public ::testing::Test {
 protected:
  TinyModels models_;
  ModelStore store_{ModelFolders(models_.root()), models_.root() / "none", make_null_log()};
};

TEST_F(ModelStoreTest, AModelIsThereOnceHoweverOftenItIsAskedFor) {
  EXPECT_EQ(store_.unet("unet.safetensors").unet, store_.unet("unet.safetensors").unet);
  EXPECT_EQ(store_.clip("clip.safetensors").clip, store_.clip("clip.safetensors").clip);
  EXPECT_EQ(store_.controlnet("depth.safetensors").net, store_.controlnet("depth.safetensors").net);
  EXPECT_EQ(store_.vae("taesd").vae, store_.vae("taesd").vae);
  EXPECT_EQ(store_.vae("kl.safetensors").vae, store_.vae("kl.safetensors").vae);
  EXPECT_EQ(store_.vae("pixel_space").vae, store_.vae("pixel_space").vae);
  EXPECT_EQ(store_.checkpoint("all.safetensors").model.unet, store_.checkpoint("all.safetensors").model.unet);
  EXPECT_EQ(store_.engine("any.engine").unet, store_.engine("any.engine").unet);
  EXPECT_EQ(store_.depth_engine("depth.engine").network, store_.depth_engine("depth.engine").network);
  const auto bytes = store_.mapped_bytes();
  EXPECT_GT(bytes, 0);
  (void)store_.unet("unet.safetensors");
  EXPECT_EQ(store_.mapped_bytes(), bytes);
  EXPECT_GT(store_.load_time().count(), 0);
  EXPECT_NO_THROW(store_.drop_pages());
}

TEST_F(ModelStoreTest, EnginesComeWithTheirProfile) {
  const auto engine = store_.engine("pair.engine");
  ASSERT_TRUE(engine.profile);
  EXPECT_EQ(engine.profile->batch, (engine::ProfileRange{2, 2, 2}));
  EXPECT_FALSE(store_.unet("unet.safetensors").profile);
  const auto depth = store_.depth_engine("depth.engine");
  EXPECT_EQ(depth.profile.height.opt, 28);
  EXPECT_FALSE(depth.inverted);
  std::filesystem::copy(models_.root() / "tensorrt/depth-anything/depth.engine",
                        models_.root() / "tensorrt/depth-anything/metric.engine");
  EXPECT_TRUE(store_.depth_engine("metric.engine").inverted);
}

TEST_F(ModelStoreTest, AFileThatWasReplacedIsReadAgain) {
  const auto before = store_.engine("any.engine");
  models_.build("unet/unet", "tensorrt/any", {1, 3, 3}, {64, 64, 64});
  const auto after = store_.engine("any.engine");
  EXPECT_NE(before.unet, after.unet);
  EXPECT_EQ(after.profile->batch.max, 3);
}

TEST_F(ModelStoreTest, MissingAndWrongFilesSayWhatToDo) {
  EXPECT_THAT(thrown_by([&] { return store_.controlnet("deepth.safetensors"); }).message(),
              HasSubstr("which has 'depth.safetensors'"));
  const auto engine = thrown_by([&] { return store_.engine("dreamshaper.engine"); });
  EXPECT_EQ(engine.code(), ErrorCode::kNotFound);
  EXPECT_THAT(engine.hint(), HasSubstr("comfystream engine build"));
  EXPECT_EQ(thrown_by([&] { return store_.engine("../secret.engine"); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(thrown_by([&] { return store_.vae("taesdxl"); }).message(), HasSubstr("other models than SD 1.x"));
  std::filesystem::remove(models_.root() / "vae_approx/taesd_decoder.safetensors");
  EXPECT_THAT(thrown_by([&] { return store_.vae("taesd"); }).message(),
              HasSubstr("there is no 'taesd_decoder.safetensors'"));
}

TEST_F(ModelStoreTest, ManyThreadsGetTheSameModel) {
  constexpr std::size_t kThreads = 8;
  std::vector<std::shared_ptr<const models::UNet>> found(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { found[i] = store_.engine("any.engine").unet; });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& unet : found) EXPECT_EQ(unet, found.front());
}

}  // namespace
}  // namespace comfystream::workflow
