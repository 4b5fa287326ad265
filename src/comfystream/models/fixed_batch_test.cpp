// SPDX-License-Identifier: Apache-2.0
// Plans of a fixed batch trace networks with a number of rows in place of N: every value stays what it is with N.
#include "comfystream/models/clip_text.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/depth_map.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/vae.hpp"
#include "tests/support/network_golden.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

constexpr std::int64_t kRows = 2;

Tensor noise(const std::string& name, const Shape& shape) {
  return weights::synth_tensor(name, shape, weights::SynthKind::kEmbedding, 11, 1.0F);
}

/// Operands of a network: rows of frames as inputs, `Dim` rows each; what all frames share as parameters.
class Operands {
 public:
  explicit Operands(graph::Dim rows) : rows_(rows) {}

  graph::Value frames(const std::string& name, const Shape& row) {
    auto dims = row.dims();
    dims.insert(dims.begin(), kRows);
    inputs_.push_back(noise(name, Shape(dims)));
    graph::SymShape shape(inputs_.back().shape());
    shape.dims()[0] = rows_;
    return builder.input(name, DType::kF32, shape);
  }
  graph::Value shared(const std::string& name, const Shape& shape) {
    return builder.parameter(name, graph::SymShape(shape), noise(name, shape));
  }
  std::vector<Tensor> run() {
    const std::int64_t batch = rows_.batch ? kRows : 1;
    return tests::run_reference(builder.take(), inputs_, batch);
  }

  graph::Builder builder;

 private:
  graph::Dim rows_;
  std::vector<Tensor> inputs_;
};

void expect_same_when_fixed(const std::function<void(Operands&)>& trace) {
  Operands fixed(graph::Dim{kRows});
  trace(fixed);
  const auto actual = fixed.run();
  Operands live(graph::kBatch);
  trace(live);
  const auto expected = live.run();
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].shape()[0], kRows);
    EXPECT_TRUE(tests::identical(actual[i], expected[i])) << "output " << i;
  }
}

TEST(FixedBatch, UNetWithOnePromptForAll) {
  const auto golden = tests::load_network_golden("unet_ldm");
  const UNet unet(golden.model);
  expect_same_when_fixed([&](Operands& of) {
    const auto x = of.frames("x", {4, 8, 12});
    const auto context = of.shared("context", {1, 77, 48});
    of.builder.output("eps", unet.trace(of.builder, x, of.shared("timesteps", {1}), context));
  });
}

TEST(FixedBatch, UNetWithLatentsForAllAndAPromptEach) {
  const auto golden = tests::load_network_golden("unet_diffusers");
  const UNet unet(golden.model);
  expect_same_when_fixed([&](Operands& of) {
    const auto x = of.shared("x", {1, 4, 5, 7});
    const auto context = of.frames("context", {77, 40});
    of.builder.output("eps", unet.trace(of.builder, x, of.shared("timesteps", {1}), context));
  });
}

TEST(FixedBatch, ControlNetWithAHintEachAndLatentsForAll) {
  const auto golden = tests::load_network_golden("controlnet_ldm");
  const ControlNet net(golden.model);
  const auto& given = golden.arrays;
  expect_same_when_fixed([&](Operands& of) {
    const Shape& hint = given.at("hint").shape();
    const Shape& x = given.at("x").shape();
    const auto control =
        net.trace(of.builder, of.shared("x", {1, x[1], x[2], x[3]}), of.frames("hint", {hint[1], hint[2], hint[3]}),
                  of.shared("timesteps", {1}), of.shared("context", {1, 77, given.at("context").shape()[2]}));
    for (std::size_t i = 0; i < control.skips.size(); ++i) {
      of.builder.output("skip_" + std::to_string(i), control.skips[i]);
    }
    of.builder.output("middle", *control.middle);
  });
}

TEST(FixedBatch, Vaes) {
  const auto kl = tests::load_network_golden("vae_ldm").model;
  const auto tiny = tests::load_network_golden("taesd_original").model;
  for (const auto& vae : {make_autoencoder_kl(kl), make_autoencoder_tiny(tiny, tiny)}) {
    expect_same_when_fixed([&](Operands& of) {
      of.builder.output("picture", vae->decode(of.builder, of.frames("latent", {4, 4, 6})));
      of.builder.output("latent", vae->encode(of.builder, of.frames("picture", {3, 32, 48})));
    });
  }
}

TEST(FixedBatch, DepthMaps) {
  const auto golden = tests::load_network_golden("depth_anything_v2_official", "v2_official.safetensors");
  const DepthAnything model(golden.model, DepthAnythingVersion::kV2);
  expect_same_when_fixed([&](Operands& of) {
    const DepthMapOptions options{.engine_height = 42, .engine_width = 56, .inverted = true};
    of.builder.output("map", trace_depth_map(of.builder, model, of.frames("images", {45, 80, 3}), options));
  });
}

TEST(FixedBatch, ClipTextTakesAnyNumberOfChunks) {
  const auto golden = tests::load_network_golden("clip_text_transformers");
  const ClipText clip(golden.model);
  graph::Builder builder;
  const Tensor& tokens = golden.arrays.at("tokens");
  ASSERT_EQ(tokens.shape()[0], kRows);
  const auto both = builder.parameter("both", {kRows, 77}, tokens);
  builder.output("both", clip.trace(builder, both, -1));
  builder.output("second", clip.trace(builder, builder.slice(both, 0, 1, 2), -1));
  const auto results = tests::run_reference(builder.take(), {}, 1);
  const auto of_both = results[0].values<float>().subspan(static_cast<std::size_t>(results[1].elements()));
  EXPECT_TRUE(std::ranges::equal(of_both, results[1].values<float>()));
}

}  // namespace
}  // namespace comfystream::models
