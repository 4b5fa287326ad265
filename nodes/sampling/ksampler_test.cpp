// SPDX-License-Identifier: Apache-2.0
// KSampler against what its formulas say, read off the latents.
#include "comfystream/diffusion/noise.hpp"
#include "tests/support/network_golden.hpp"
#include "tests/support/studio_test.hpp"

#include <gmock/gmock.h>

namespace comfystream::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr double kTolerance = 1e-5;
constexpr std::uint64_t kSeed = 905056445574169;

/// Ends a workflow with a latent's first three channels as they are.
class ProbeLatent final : public workflow::NodeType {
 public:
  ProbeLatent() {
    spec_.class_type = "ProbeLatent";
    spec_.inputs = {workflow::socket_input("samples", "LATENT")};
    spec_.output_node = true;
  }
  [[nodiscard]] const workflow::NodeSpec& spec() const noexcept override { return spec_; }
  void trace(workflow::NodeContext& context) const override {
    const auto& latent = context.input<workflow::LatentValue>("samples");
    context.live_output({context.builder().transpose(*latent.samples, {0, 2, 3, 1})});
  }

 private:
  workflow::NodeSpec spec_;
};

class KSamplerTest : public StudioTest {
 protected:
  static void SetUpTestSuite() {
    StudioTest::SetUpTestSuite();
    if (!clip_vocabulary().empty()) studio().registry().add(std::make_unique<ProbeLatent>());
  }

  /// The batch workflow up to the latents.
  static Json latents() {
    Json json = batch_workflow();
    json.erase("14");
    json["15"] = node("ProbeLatent", {{"samples", link("7")}});
    return with(with(json, "7", "sampler_name", "euler"), "3", "unet_name", "any.engine");
  }
  static workflow::TraceOptions floats(std::int64_t max_batch) {
    auto wanted = options(max_batch);
    wanted.output = PixelFormat::kRgbF32;
    return wanted;
  }
  static Tensor sample(const Json& json, std::int64_t rows = 1) {
    return run(studio().trace(json, floats(rows)), pictures(rows, kFrames.height, kFrames.width));
  }
  /// a + factor * (b - a)
  static Tensor blend(const Tensor& a, const Tensor& b, float factor) {
    Tensor result = a.clone();
    const auto values = result.mutable_values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += factor * (b.values<float>()[i] - values[i]);
    return result;
  }
  /// With a second ControlNet behind the first.
  static Json chained(const Json& json) {
    Json chain = json;
    chain["18"] = node("ControlNetLoader", {{"control_net_name", "edges.safetensors"}});
    chain["19"] = json["9"];
    chain = with(with(with(chain, "19", "positive", link("9", 0)), "19", "negative", link("9", 1)), "19", "control_net",
                 link("18"));
    return with(with(chain, "7", "positive", link("19", 0)), "7", "negative", link("19", 1));
  }
};

TEST_F(KSamplerTest, Cfg1LeavesTheNegativePromptOut) {
  const auto traced = studio().trace(latents(), floats(1));
  EXPECT_GT(operations_of(traced, "CLIPTextEncode#5"), 0);
  EXPECT_EQ(operations_of(traced, "CLIPTextEncode#6"), 0);
  EXPECT_GT(operations_of(studio().trace(with(latents(), "7", "cfg", 2.0), floats(1)), "CLIPTextEncode#6"), 0);
}

TEST_F(KSamplerTest, GuidanceGoesFromTheNegativeToThePositive) {
  const Json json = latents();
  Json swapped = with(with(json, "5", "text", ""), "6", "text", "the hulk");
  const Tensor positive = sample(json);
  const Tensor negative = sample(swapped);
  EXPECT_GT(relative_error(positive, negative), 1e-3) << "prompts matter";
  EXPECT_LT(relative_error(sample(with(json, "7", "cfg", 3.5)), blend(negative, positive, 3.5F)), kTolerance);
}

TEST_F(KSamplerTest, GuidedFramesDoNotDependOnTheirBatch) {
  const auto traced = studio().trace(with(latents(), "7", "cfg", 3.5), floats(3));
  const Tensor three = run(traced, pictures(3, 32, 64));
  EXPECT_LT(relative_error(run(traced, pictures(1, 32, 64, 2)), row(three, 2)), 1e-6);
  EXPECT_GT(relative_error(row(three, 0), row(three, 2)), 1e-5) << "frames matter";
}

TEST_F(KSamplerTest, StrengthZeroIsNoControlAtAll) {
  const Json json = latents();
  const Json none = with(with(json, "7", "positive", link("5")), "7", "negative", link("6"));
  EXPECT_TRUE(identical(sample(with(json, "9", "strength", 0.0)), sample(none)));
  EXPECT_GT(relative_error(sample(json), sample(none)), 1e-3) << "control matters";
}

TEST_F(KSamplerTest, AControlNetOutsideItsPercentsTakesNoPart) {
  const Json json = latents();
  const Tensor none = sample(with(json, "9", "strength", 0.0));
  EXPECT_TRUE(identical(sample(with(json, "9", "start_percent", 0.5)), none)) << "the only step is at 0 percent";
  const Json two_steps = with(json, "7", "steps", 2);
  const Tensor whole = sample(two_steps);
  const Tensor first = sample(with(two_steps, "9", "end_percent", 0.5));
  EXPECT_GT(relative_error(first, whole), 1e-6);
  EXPECT_GT(relative_error(first, sample(with(two_steps, "9", "strength", 0.0))), 1e-4);
}

TEST_F(KSamplerTest, ResidualsOfChainedControlNetsAreAddedUp) {
  const Json json = latents();
  const Json chain = chained(json);
  const auto first = with(chain, "19", "strength", 0.0);
  const auto second = with(chain, "9", "strength", 0.0);
  EXPECT_TRUE(identical(sample(first), sample(json)));
  EXPECT_GT(relative_error(sample(chain), sample(first)), 1e-3);
  EXPECT_GT(relative_error(sample(chain), sample(second)), 1e-3);
  const Json other_order =
      with(with(chain, "8", "control_net_name", "edges.safetensors"), "18", "control_net_name", "depth.safetensors");
  EXPECT_LT(relative_error(sample(other_order), sample(chain)), kTolerance);
  const Json twice = with(with(chain, "18", "control_net_name", "depth.safetensors"), "9", "strength", 0.25);
  EXPECT_LT(relative_error(sample(with(twice, "19", "strength", 0.5)), sample(with(json, "9", "strength", 0.75))),
            kTolerance);
}

TEST_F(KSamplerTest, ControlOfOnePromptAloneRunsBothApart) {
  const Json guided = with(with(latents(), "7", "cfg", 2.0), "7", "negative", link("6"));
  Json negative_only = with(with(latents(), "7", "positive", link("6")), "7", "negative", link("6"));
  EXPECT_LT(relative_error(sample(guided), blend(sample(negative_only), sample(latents()), 2.0F)), kTolerance);
}

TEST_F(KSamplerTest, PromptsMayHaveControlByPicturesOfTheirOwn) {
  // The second node applies the same ControlNet as the first, to another picture.
  Json apart = with(latents(), "7", "cfg", 2.0);
  apart["19"] = with(apart, "9", "image", link("1"))["9"];
  Json other = with(with(latents(), "9", "image", link("1")), "7", "positive", link("9", 1));
  EXPECT_LT(relative_error(sample(with(apart, "7", "negative", link("19", 1))),
                           blend(sample(other), sample(latents()), 2.0F)),
            kTolerance);
}

TEST_F(KSamplerTest, TheHintIsCutInTheMiddleToTheLatentsProportions) {
  // The frame is 64 x 32; of a latent of 32 x 32 its middle half is seen.
  Json json = with(with(latents(), "16", "width", 32), "9", "image", link("1"));
  json.erase("2");
  const auto traced = studio().trace(json, floats(1));
  const Tensor frames = pictures(1, 32, 64);
  const Tensor whole = run(traced, frames);
  const auto changed_at = [&](std::size_t column) {
    Tensor changed = frames.clone();
    changed.mutable_bytes()[column * 3] ^= std::byte{0xFF};
    return !identical(run(traced, changed), whole);
  };
  EXPECT_FALSE(changed_at(15));
  EXPECT_TRUE(changed_at(16));
  EXPECT_TRUE(changed_at(47));
  EXPECT_FALSE(changed_at(48));
}

TEST_F(KSamplerTest, EveryFrameHasTheSameNoiseUnlessSlotsAreToDiffer) {
  const Json json = latents();
  const auto same = studio().trace(json, floats(3));
  EXPECT_TRUE(identical(initial(same, "7.noise"), diffusion::torch_randn(kSeed, {1, 4, 4, 8})));
  Json random = json;
  random["17"] = node("LatentBatchSeedBehavior", {{"samples", link("16")}, {"seed_behavior", "random"}});
  random = with(random, "7", "latent_image", link("17"));
  const auto slots = studio().trace(random, floats(3));
  const Tensor& noise = initial(slots, "7.noise");
  EXPECT_TRUE(identical(noise, diffusion::torch_randn(kSeed, {3, 4, 4, 8})));
  EXPECT_TRUE(identical(row(noise, 0), diffusion::torch_randn(kSeed, {1, 4, 4, 8}))) << "as in a batch of one";
  Tensor frames(DType::kU8, {3, 32, 64, 3});
  const Tensor out = run(slots, frames);
  EXPECT_FALSE(identical(row(out, 0), row(out, 2)));
  EXPECT_TRUE(identical(row(out, 0), run(same, row(frames, 0))));
  EXPECT_EQ(graph::structure_fingerprint(studio().trace(with(random, "17", "seed_behavior", "fixed"), floats(3)).graph),
            graph::structure_fingerprint(same.graph));
}

TEST_F(KSamplerTest, APickedRowHasTheNoiseItHadInItsBatch) {
  Json json = latents();
  json["16"]["inputs"]["batch_size"] = 4;
  json["17"] = node("LatentFromBatch", {{"samples", link("16")}, {"batch_index", 2}, {"length", 1}});
  json = with(with(json, "7", "latent_image", link("17")), "1", "batch_size", 1);
  const auto traced = studio().trace(json, floats(0));
  diffusion::TorchGenerator generator(kSeed);
  for (int i = 0; i < 2; ++i) (void)generator.randn({1, 4, 4, 8});
  EXPECT_TRUE(identical(initial(traced, "7.noise"), generator.randn({1, 4, 4, 8})));
  EXPECT_TRUE(traced.fixed_batch);
}

TEST_F(KSamplerTest, AncestralSamplersDrawOneNoiseAStepForAllSlots) {
  const Json json = with(with(latents(), "7", "sampler_name", "euler_ancestral"), "7", "steps", 3);
  const auto traced = studio().trace(json, floats(2));
  EXPECT_EQ(initial(traced, "7.step_noise").shape(), (Shape{3, 1, 4, 4, 8}));
  const Tensor both = run(traced, Tensor(DType::kU8, {2, 32, 64, 3}));
  EXPECT_TRUE(identical(row(both, 0), row(both, 1)));
}

TEST_F(KSamplerTest, LongPlansLoopAndGiveFramesOfTheirOwn) {
  const Json json = with(with(with(latents(), "7", "steps", 6), "7", "cfg", 2.0), "9", "end_percent", 0.6);
  const auto traced = studio().trace(json, floats(3));
  const Tensor three = run(traced, pictures(3, 32, 64));
  EXPECT_LT(relative_error(run(traced, pictures(1, 32, 64, 1)), row(three, 1)), 1e-5);
}

TEST_F(KSamplerTest, PicturesCanBeTheStart) {
  Json json = latents();
  json["20"] = node("VAEEncode", {{"pixels", link("1")}, {"vae", link("11")}});
  json = with(json, "7", "latent_image", link("20"));
  const Tensor half = sample(with(with(json, "7", "denoise", 0.5), "7", "steps", 2));
  EXPECT_GT(relative_error(half, sample(json)), 1e-3);
  const auto untouched = studio().trace(with(json, "7", "denoise", 0.0), floats(1));
  EXPECT_EQ(operations_of(untouched, "KSampler#7"), 0) << "denoise 0 passes the latent on";
}

TEST_F(KSamplerTest, ModelsThatDoNotBelongTogetherAreRefused) {
  auto dims = tiny_dims();
  dims.clip.width = 128;
  weights::save_safetensors(studio().models().root() / "clip/wide.safetensors",
                            synth_weights(weights::clip_text_tensors(dims.clip), DType::kF32, "wide"));
  dims.unet.channel_mult = {1, 1};
  weights::save_safetensors(studio().models().root() / "controlnet/other.safetensors",
                            synth_weights(weights::controlnet_tensors(dims.unet, dims.hint), DType::kF32, "other"));
  EXPECT_THAT(
      error_of(with(latents(), "4", "clip_name", "wide.safetensors")).message(),
      HasSubstr("KSampler #7: the prompt is encoded in 128 numbers a token, and the model 'any.engine' reads 64"));
  EXPECT_THAT(error_of(with(latents(), "8", "control_net_name", "other.safetensors")).message(),
              HasSubstr("the ControlNet 'other.safetensors' is for another kind of model than 'any.engine'"));
}

}  // namespace
}  // namespace comfystream::tests
