// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/builder.hpp"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

using testing::HasSubstr;

TEST(Dump, HasALinePerNodeAndOutput) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 4, 8, 8});
  const auto scope = b.scope("KSampler#7");
  const auto unet = b.scope("unet");
  const Value w = b.constant(Tensor(DType::kF32, {3, 4, 3, 3}), "conv.weight");
  b.output("picture", b.mul(b.conv2d(x, w, std::nullopt, {.stride_h = 2, .pad_top = 1, .pad_bottom = 1}), 0.5F));
  EXPECT_EQ(dump(b.take()),
            "%0 = input \"x\" : f32 [N, 4, 8, 8]\n"
            "%1 = constant \"conv.weight\" : f32 [3, 4, 3, 3]  # KSampler#7/unet\n"
            "%2 = conv2d(%0, %1) stride=2x1 pad=1x0 : f32 [N, 3, 4, 6]  # KSampler#7/unet\n"
            "%3 = constant 0.5 : f32 []  # KSampler#7/unet\n"
            "%4 = mul(%2, %3) : f32 [N, 3, 4, 6]  # KSampler#7/unet\n"
            "output \"picture\" = %4\n");
}

TEST(Dump, ShowsAttributes) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {Dim(2, true), 4, 8, 8});
  const Value p = b.parameter("p", {1, 4, 8, 8}, Tensor(DType::kF32, {1, 4, 8, 8}));
  b.output("a", b.slice_batch(x, 1, 2));
  b.output("b", b.slice(x, 3, 0, 8, 2));
  b.output("c", b.attention(x, p, p, 0.125F, true));
  b.output("d", b.pad(x, {PadMode::kReflect, {0, 0, 1, 1}, {0, 0, 0, 0}}));
  b.output("e", b.resize(x, {ResizeMode::kBilinear, 4, 4, true}));
  b.output("f", b.reduce(ReduceKind::kMax, x, {1, -1}));
  b.output("g", b.cast(x, DType::kU8));
  const std::string text = dump(b.take());
  for (const char* line :
       {"slice(%0) axis=0 begin=1N end=2N : f32 [N, 4, 8, 8]",
        "slice(%0) axis=3 begin=0 end=8 step=2 : f32 [2N, 4, 8, 4]",
        "attention(%0, %1, %1) scale=0.125 causal : f32 [2N, 4, 8, 8]",
        "pad(%0) reflect before=[0, 0, 1, 1] after=[0, 0, 0, 0] : f32 [2N, 4, 9, 9]",
        "resize(%0) bilinear align_corners : f32 [2N, 4, 4, 4]", "reduce_max(%0) axes=[1, 3] : f32 [2N, 1, 8, 1]",
        "cast(%0) : u8 [2N, 4, 8, 8]", "parameter \"p\" : f32 [1, 4, 8, 8]"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Dump, IndentsTheBodyOfALoop) {
  Builder body;
  body.output("x", body.tanh(body.input("x", DType::kF32, {kBatch})));
  Builder b;
  LoopAttrs attrs;
  attrs.body = std::make_shared<const Graph>(body.take());
  attrs.trip_count = 20;
  attrs.carried = 1;
  b.output("y", b.loop(attrs, std::vector<Value>{b.input("x", DType::kF32, {kBatch})}));
  EXPECT_THAT(dump(b.take()), HasSubstr("%1 = loop(%0) trips=20 tables=0 carried=1 : f32 [N]\n"
                                        "  %0 = input \"x\" : f32 [N]\n"
                                        "  %1 = tanh(%0) : f32 [N]\n"
                                        "  output \"x\" = %1\n"
                                        "output \"y\" = %1\n"));
}

}  // namespace
}  // namespace comfystream::graph
