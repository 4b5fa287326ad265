// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_text.hpp"

#include "comfystream/error.hpp"
#include "tests/support/network_golden.hpp"

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

constexpr double kTolerance = 1e-4;

Tensor encode(const ClipText& clip, const Tensor& tokens, std::int64_t stop_at_layer) {
  graph::Builder builder;
  const auto input = builder.parameter("tokens", graph::SymShape(tokens.shape()), tokens);
  builder.output("encoded", clip.trace(builder, input, stop_at_layer));
  return tests::run_reference(builder.take(), {}, 1).front();
}

TEST(ClipText, AgreesWithTransformersInBothLayouts) {
  for (const char* layout : {"transformers", "ldm"}) {
    const auto golden = tests::load_network_golden(std::string("clip_text_") + layout);
    const ClipText clip(golden.model);
    EXPECT_EQ(clip.config().width, 128);
    EXPECT_EQ(clip.config().heads, 2);
    EXPECT_EQ(clip.config().layers, 3);
    EXPECT_EQ(clip.config().vocabulary, 200);
    EXPECT_LT(tests::relative_error(encode(clip, golden.arrays.at("tokens"), -1), golden.arrays.at("last")), kTolerance)
        << layout;
  }
}

TEST(ClipText, StopsAtTheLayerAskedFor) {
  const auto golden = tests::load_network_golden("clip_text_transformers");
  const ClipText clip(golden.model);
  const Tensor& tokens = golden.arrays.at("tokens");
  EXPECT_LT(tests::relative_error(encode(clip, tokens, -2), golden.arrays.at("before_last")), kTolerance);
  EXPECT_LT(tests::relative_error(encode(clip, tokens, -24), golden.arrays.at("last")), kTolerance)
      << "beyond the layers means the last";
  EXPECT_THROW(encode(clip, tokens, 0), Error);
}

TEST(ClipText, WeighsTokensAgainstTheEmptyPrompt) {
  const auto golden = tests::load_network_golden("clip_text_transformers");
  const ClipText clip(golden.model);
  const auto trace = [&](const Tensor& weights) {
    graph::Builder builder;
    const auto tokens = builder.parameter("tokens", {2, 77}, golden.arrays.at("tokens"));
    const auto factors = builder.parameter("weights", {2, 77}, weights);
    builder.output("prompt", trace_weighted_prompt(builder, clip, tokens, factors));
    return tests::run_reference(builder.take(), {}, 1).front();
  };
  EXPECT_LT(tests::relative_error(trace(golden.arrays.at("weights")), golden.arrays.at("weighted")), kTolerance);

  const Tensor ones = Tensor::from<float>({2, 77}, std::vector<float>(154, 1.0F));
  const Tensor plain = encode(clip, golden.arrays.at("tokens"), -1).reshaped({1, 154, 128});
  EXPECT_EQ(tests::relative_error(trace(ones), plain), 0.0) << "weight 1 leaves every bit";
}

TEST(ClipText, WidthsThatAreNoHeadsAreRefused) {
  auto golden = tests::load_network_golden("clip_text_transformers");
  golden.model.insert("text_model.embeddings.token_embedding.weight", Tensor(DType::kF32, {200, 100}));
  EXPECT_THROW(ClipText{golden.model}, Error);
}

}  // namespace
}  // namespace comfystream::models
