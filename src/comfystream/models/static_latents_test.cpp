// SPDX-License-Identifier: Apache-2.0
// From fixed noise, what of a UNet no frame influences is computed once: all but what follows the residuals of a
// ControlNet that sees the frames.
#include "comfystream/graph/cost.hpp"
#include "comfystream/graph/passes/split_static.hpp"
#include "comfystream/models/unet.hpp"
#include "tests/support/network_golden.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kFrames = 2;

/// Every row of what all frames share, as the prompts of classifier-free guidance come: 1, or 2 for 2N rows.
struct Case {
  const char* name;
  std::int64_t groups;
};

class StaticLatents : public ::testing::TestWithParam<Case> {
 protected:
  StaticLatents() {
    const std::int64_t groups = GetParam().groups;
    const auto shared = [&](const std::string& name, const Shape& shape) {
      const Tensor value = noise(name, shape);
      return builder_.parameter(name, graph::SymShape(shape), value);
    };
    const auto x = shared("x", {groups, 4, 8, 8});
    const auto timesteps = builder_.constant(Tensor::from<float>({1}, std::vector<float>{499.0F}));
    const auto context = shared("context", {groups, 77, golden_.arrays.at("context").shape()[2]});
    const ControlResiduals control = residuals();
    builder_.output("eps", UNet(golden_.model).trace(builder_, x, timesteps, context, &control));
    graph_ = builder_.take();
    split_ = graph::split_static(graph_);
  }

  static Tensor noise(const std::string& name, const Shape& shape) {
    return weights::synth_tensor(name, shape, weights::SynthKind::kEmbedding, 31, 1.0F);
  }

  ControlResiduals residuals() {
    ControlResiduals control;
    const std::vector<std::int64_t> channels{32, 32, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 128};
    const std::vector<std::int64_t> sides{8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1, 1};
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const std::string name = "control_" + std::to_string(i);
      const graph::Dim rows{GetParam().groups, true};
      inputs_.push_back(noise(name, {GetParam().groups * kFrames, channels[i], sides[i], sides[i]}));
      control.skips.push_back(builder_.input(name, DType::kF32, {rows, channels[i], sides[i], sides[i]}));
    }
    control.middle = control.skips.back();
    control.skips.pop_back();
    return control;
  }

  tests::NetworkGolden golden_ = tests::load_network_golden("unet_four_levels");
  graph::Builder builder_;
  std::vector<Tensor> inputs_;
  graph::Graph graph_;
  graph::SplitGraph split_;
};

TEST_P(StaticLatents, FramesRunTheDecoderAlone) {
  for (const auto& node : split_.frame.nodes()) {
    if (node.operands.empty() || node.kind == graph::OpKind::kCast) continue;
    EXPECT_THAT(node.scope, Not(HasSubstr("input_blocks"))) << graph::to_string(node.kind);
    EXPECT_THAT(node.scope, Not(HasSubstr("middle_block"))) << graph::to_string(node.kind);
    EXPECT_THAT(node.scope, Not(HasSubstr("time_embed"))) << graph::to_string(node.kind);
  }
}

TEST_P(StaticLatents, WeightsStayWeights) {
  for (const auto& node : split_.frame.nodes()) {
    if (node.kind != graph::OpKind::kConv2d && node.kind != graph::OpKind::kLinear) continue;
    graph::Value weight = node.operands[1];
    while (split_.frame.node(weight).operands.size() == 1) weight = split_.frame.node(weight).operands[0];
    EXPECT_EQ(split_.frame.node(weight).kind, graph::OpKind::kConstant);
  }
}

TEST_P(StaticLatents, SavesMuchOfTheWorkOfEveryBatch) {
  const auto flops = [](const graph::Graph& graph) {
    double sum = 0;
    for (const auto& [scope, cost] : graph::cost_by_scope(graph, kFrames)) sum += cost.flops;
    return sum;
  };
  EXPECT_LT(flops(split_.frame), 0.75 * (flops(split_.frame) + flops(split_.setup)));
}

TEST_P(StaticLatents, ResultsAreThoseOfTheWholeGraph) {
  const auto expected = tests::run_reference(graph_, inputs_, kFrames);
  tests::Parameters parameters;
  const auto crossing = tests::run_reference(split_.setup, {}, 1);
  for (std::size_t i = 0; i < crossing.size(); ++i) parameters[split_.crossing[i]] = crossing[i];
  const auto actual = tests::run_reference(split_.frame, inputs_, kFrames, kFrames, parameters);
  EXPECT_TRUE(tests::identical(actual[0], expected[0]));
}

INSTANTIATE_TEST_SUITE_P(Prompts, StaticLatents, ::testing::Values(Case{"one", 1}, Case{"guided", 2}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace comfystream::models
