// SPDX-License-Identifier: Apache-2.0
// The whole path of the batch workflows put together by hand from models, depth map and samplers, without a workflow's
// nodes, against PyTorch: depth, eps of every evaluation, latents and pictures.
#include "comfystream/backend/registry.hpp"
#include "comfystream/diffusion/guidance.hpp"
#include "comfystream/diffusion/noise.hpp"
#include "comfystream/diffusion/sigmas.hpp"
#include "comfystream/diffusion/trace_sampler.hpp"
#include "comfystream/models/clip_text.hpp"
#include "comfystream/models/clip_tokenizer.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/depth_map.hpp"
#include "comfystream/models/vae.hpp"
#include "tests/support/clip_vocabulary.hpp"
#include "tests/support/network_golden.hpp"
#include "tests/support/workflow_golden.hpp"

#include <cmath>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

using graph::Builder;
using graph::Value;

constexpr std::uint64_t kSeed = 905056445574169;
const Shape kLatentRow{1, 4, 6, 8};
/// Of a tensor's largest value.
constexpr double kTolerance = 1e-4;
constexpr double kSamePicture = 50.0;
constexpr double kOtherPicture = 30.0;

struct ControlUse {
  std::string file;
  float strength = 1.0F;
  double end_percent = 1.0;
};

struct Recipe {
  std::string sampler;
  std::string scheduler;
  std::int64_t steps = 1;
  float cfg = 1.0F;
  double denoise = 0.5;
  bool checkpoint = false;  ///< everything from the one file, with its KL VAE; else files of their own and TAESD
  std::vector<ControlUse> controls{{.file = "controlnet/parity.safetensors"}};
  std::string prompt = "a photograph of a (red fox:1.2) in the snow";
};

Recipe from_noise() { return {.sampler = "lcm", .scheduler = "normal", .denoise = 1.0}; }
Recipe from_frames() { return {.sampler = "euler", .scheduler = "normal", .steps = 3}; }
Recipe guided() {
  return {.sampler = "dpmpp_2m",
          .scheduler = "karras",
          .steps = 2,
          .cfg = 7.0F,
          .denoise = 0.4,
          .checkpoint = true,
          .controls = {{.file = "controlnet/parity.safetensors"},
                       {.file = "controlnet/second.safetensors", .strength = 0.6F, .end_percent = 0.8}}};
}

/// Traces a recipe: input frames [N, H, W, 3] in 0..1; outputs by the goldens' names.
class Studio {
 public:
  explicit Studio(const Recipe& recipe) : recipe_(recipe) {
    const std::string checkpoint = "checkpoints/parity.safetensors";
    const auto own = [&](const std::string& file) { return workflow_model(recipe.checkpoint ? checkpoint : file); };
    unet_ = std::make_unique<models::UNet>(own("unet/parity.safetensors"));
    clip_ = std::make_unique<models::ClipText>(own("clip/parity.safetensors"));
    vae_ = recipe.checkpoint ? models::make_autoencoder_kl(workflow_model(checkpoint))
                             : models::make_autoencoder_tiny(workflow_model("vae_approx/taesd_encoder.safetensors"),
                                                             workflow_model("vae_approx/taesd_decoder.safetensors"));
    for (const auto& use : recipe.controls) nets_.emplace_back(workflow_model(use.file));
  }

  graph::Graph trace() {
    const Value frames = builder_.input("frames", DType::kF32, {graph::kBatch, 48, 64, 3});
    const Value hint = builder_.transpose(depth_map(frames), {0, 3, 1, 2});
    const auto plan = make_plan();
    diffusion::SamplerInputs inputs;
    inputs.noise = builder_.constant(diffusion::torch_randn(kSeed, kLatentRow));
    if (recipe_.denoise < 1.0) inputs.latent = vae_->encode(builder_, builder_.transpose(frames, {0, 3, 1, 2}));
    if (inputs.latent) builder_.output("encode.latent", *inputs.latent);
    inputs.step_noise = builder_.constant(diffusion::make_step_noise(plan, kSeed, kLatentRow));
    inputs.captures = {context(recipe_.prompt), context("blurry, (worst quality:1.3)"), hint};
    for (const auto& use : recipe_.controls)
      inputs.ranges.push_back({.end = levels_.percent_to_sigma(use.end_percent)});
    const Value latent = diffusion::trace_sampler(
        builder_, plan, inputs, [&](Builder& builder, const auto& call) { return eps(builder, call); });
    builder_.output("sampler.latent", latent);
    builder_.output("pictures", builder_.transpose(vae_->decode(builder_, latent), {0, 2, 3, 1}));
    return builder_.take();
  }

 private:
  [[nodiscard]] diffusion::SamplerPlan make_plan() const {
    const auto sigmas = diffusion::ksampler_sigmas(levels_, diffusion::parse_scheduler(recipe_.scheduler),
                                                   recipe_.steps, recipe_.denoise);
    return diffusion::plan_sampler(levels_, diffusion::parse_sampler(recipe_.sampler), sigmas);
  }

  Value depth_map(Value frames) {
    for (const auto& file : workflow_model_files()) {
      if (!file.path.starts_with("depth/")) continue;
      const models::DepthAnything depth(file.make(file.path));
      return models::trace_depth_map(builder_, depth, frames,
                                     {.engine_height = file.height, .engine_width = file.width});
    }
    ADD_FAILURE() << "the goldens have no depth model";
    return frames;
  }

  Value context(const std::string& prompt) {
    const models::ClipTokenizer tokenizer(clip_vocabulary(), clip_->config().vocabulary);
    const auto words = tokenizer.tokenize(prompt);
    const Shape shape{words.chunks, 77};
    return models::trace_weighted_prompt(builder_, *clip_,
                                         builder_.constant(Tensor::from<std::int32_t>(shape, words.tokens)),
                                         builder_.constant(Tensor::from<float>(shape, words.weights)));
  }

  Value network(Builder& builder, const diffusion::DenoiseCall& call, Value x, Value prompt, Value hint) const {
    models::ControlResiduals total;
    for (std::size_t i = 0; i < nets_.size(); ++i) {
      if (call.active[i] == 0) continue;
      const float strength = recipe_.controls[i].strength;
      const auto own = nets_[i].trace(builder, x, hint, call.timestep, prompt);
      const auto add = [&](std::optional<Value> sum, Value residual) {
        const Value scaled = builder.mul(residual, strength);
        return sum ? builder.add(*sum, scaled) : scaled;
      };
      for (std::size_t at = 0; at < own.skips.size(); ++at) {
        if (total.skips.size() <= at) {
          total.skips.push_back(add(std::nullopt, own.skips[at]));
        } else {
          total.skips[at] = add(total.skips[at], own.skips[at]);
        }
      }
      total.middle = add(total.middle, *own.middle);
    }
    return unet_->trace(builder, x, call.timestep, prompt, total.middle ? &total : nullptr);
  }

  Value eps(Builder& builder, const diffusion::DenoiseCall& call) {
    const auto& captures = call.captures;
    Value result = captures[0];
    if (recipe_.cfg == 1.0F) {
      result = network(builder, call, call.x, captures[0], captures[2]);
    } else {
      const diffusion::Guidance guidance{.positive = captures[0],
                                         .negative = captures[1],
                                         .scale = builder.scalar(recipe_.cfg),
                                         .rows = {captures[2]}};
      result = diffusion::trace_guidance(builder, guidance, call.x,
                                         [&](Builder& inner, Value x, Value prompt, std::span<const Value> rows, auto) {
                                           return network(inner, call, x, prompt, rows[0]);
                                         });
    }
    if (&builder == &builder_) builder.output("sampler.eps." + std::to_string(evaluations_++), result);
    return result;
  }

  Recipe recipe_;
  Builder builder_;
  diffusion::ModelSampling levels_;
  std::unique_ptr<models::UNet> unet_;
  std::unique_ptr<models::ClipText> clip_;
  std::unique_ptr<models::Vae> vae_;
  std::vector<models::ControlNet> nets_;
  int evaluations_ = 0;
};

std::map<std::string, Tensor> run(const Recipe& recipe, const std::string& backend, const Tensor& frames) {
  const graph::Graph graph = Studio(recipe).trace();
  const std::int64_t batch = frames.shape()[0];
  const auto executable = backend::make_backend(backend)->compile(graph, {.max_batch = batch});
  const std::vector<Tensor> inputs{frames};
  const auto values = backend::run_once(*executable, graph, inputs, batch);
  std::map<std::string, Tensor> named;
  for (std::size_t i = 0; i < values.size(); ++i) named.emplace(graph.outputs()[i].name, values[i]);
  return named;
}

Tensor row_of(const Tensor& batch, std::int64_t row) {
  auto dims = batch.shape().dims();
  const auto size = static_cast<std::size_t>(batch.shape().elements() / dims[0]);
  dims[0] = 1;
  const auto values = batch.values<float>().subspan(static_cast<std::size_t>(row) * size, size);
  return Tensor::from<float>(Shape(dims), values);
}

class SamplingParity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (clip_vocabulary().empty()) GTEST_SKIP() << "CLIP's vocabulary is not here; ./test fetches it";
    for (const auto& status : backend::list_backends()) {
      if (status.name == GetParam() && !status.available) GTEST_SKIP() << status.detail;
    }
  }

  static void expect_golden(const Recipe& recipe, const std::string& name) {
    const auto golden = weights::load_weights(workflow_golden_path(name + ".safetensors"));
    const auto found = run(recipe, GetParam(), workflow_frames());
    for (const auto& [key, expected] : golden.tensors()) {
      if (!found.contains(key)) continue;
      if (key == "pictures") {
        EXPECT_GE(psnr(found.at(key), expected), kSamePicture) << name;
      } else {
        EXPECT_LE(relative_error(found.at(key), expected), kTolerance) << name << " " << key;
      }
    }
    EXPECT_TRUE(found.contains("sampler.eps.0") && golden.contains("sampler.eps.0"));
    // A frame on its own is the frame in its batch: the noise is slot 0's, and nothing crosses slots.
    const auto alone = run(recipe, GetParam(), row_of(workflow_frames(), 1));
    EXPECT_GE(psnr(alone.at("pictures"), row_of(golden.at("pictures"), 1)), kSamePicture) << name;
  }

  static void expect_seen(const Recipe& recipe, const std::string& name) {
    const auto golden = weights::load_weights(workflow_golden_path(name + ".safetensors"));
    const auto picture = [&](const Recipe& changed, bool swapped) {
      return psnr(run(changed, GetParam(), workflow_frames(swapped)).at("pictures"), golden.at("pictures"));
    };
    Recipe reworded = recipe;
    reworded.prompt = "an oil painting of a ship at sea";
    Recipe alone = recipe;
    alone.controls.clear();
    EXPECT_LT(picture(reworded, false), kOtherPicture) << name;
    EXPECT_LT(picture(alone, false), kOtherPicture) << name;
    EXPECT_LT(picture(recipe, true), kOtherPicture) << name;
  }
};

TEST_P(SamplingParity, OneStepFromNoise) { expect_golden(from_noise(), "from_noise"); }
TEST_P(SamplingParity, LowNoiseOverFrames) { expect_golden(from_frames(), "from_frames"); }
TEST_P(SamplingParity, GuidedWithTwoControlNets) { expect_golden(guided(), "guided"); }
TEST_P(SamplingParity, PromptControlAndFrameAreSeen) { expect_seen(from_frames(), "from_frames"); }
TEST_P(SamplingParity, PromptControlAndFrameAreSeenUnderGuidance) { expect_seen(guided(), "guided"); }

TEST_P(SamplingParity, EverySamplerUnrolledOrLooped) {
  const auto golden = weights::load_weights(workflow_golden_path("samplers.safetensors"));
  for (const auto& [key, expected] : golden.tensors()) {
    std::istringstream parts(key);
    Recipe recipe;
    std::string steps;
    std::string cfg;
    std::getline(parts, recipe.sampler, '/');
    std::getline(parts, recipe.scheduler, '/');
    std::getline(parts, steps, '/');
    std::getline(parts, cfg);
    recipe.steps = std::stoll(steps);
    recipe.cfg = std::stof(cfg);
    const auto found = run(recipe, GetParam(), workflow_frames());
    EXPECT_LE(relative_error(found.at("sampler.latent"), expected), kTolerance) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, SamplingParity, testing::Values("reference", "openvino"),
                         [](const auto& backend) { return backend.param; });

}  // namespace
}  // namespace comfystream::tests
