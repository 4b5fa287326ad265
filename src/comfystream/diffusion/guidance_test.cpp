// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/guidance.hpp"

#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/diffusion/noise.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::diffusion {
namespace {

using graph::Builder;
using graph::Value;

constexpr std::int64_t kBatchSize = 3;
constexpr float kScale = 2.5F;

/// eps = tanh(x * mean of the context over its tokens + the sum of the rows): no different for repeated tokens.
Value toy_network(Builder& builder, Value x, Value context, std::span<const Value> rows) {
  const auto batch = builder.shape(context)[0];
  Value mean = builder.reduce(graph::ReduceKind::kMean, context, {1});
  mean = builder.reshape(mean, {batch, 4, 2, 2});
  Value sum = builder.mul(x, mean);
  for (const Value row : rows) sum = builder.add(sum, row);
  return builder.tanh(sum);
}

struct Case {
  std::string name;
  std::int64_t positive_tokens = 2;
  std::int64_t negative_tokens = 2;
  bool per_frame_x = false;
  bool per_frame_row = false;
  bool same_control = true;
  bool fixed = false;  ///< rows of every frame are a fixed number, not N
  std::vector<Prompt> calls{Prompt::kBoth};
};

const std::vector<Case> kCases{
    {.name = "all static"},
    {.name = "x per frame", .per_frame_x = true},
    {.name = "hint per frame", .per_frame_row = true},
    {.name = "everything per frame", .per_frame_x = true, .per_frame_row = true},
    {.name = "lengths that meet", .positive_tokens = 2, .negative_tokens = 3, .per_frame_x = true},
    {.name = "one prompt of two chunks", .positive_tokens = 4, .negative_tokens = 2},
    {.name = "lengths too far apart",
     .positive_tokens = 1,
     .negative_tokens = 5,
     .per_frame_x = true,
     .calls = {Prompt::kPositive, Prompt::kNegative}},
    {.name = "fixed x", .per_frame_x = true, .fixed = true},
    {.name = "fixed hint", .per_frame_row = true, .fixed = true},
    {.name = "everything fixed", .per_frame_x = true, .per_frame_row = true, .fixed = true},
    {.name = "control of one prompt",
     .per_frame_row = true,
     .same_control = false,
     .calls = {Prompt::kPositive, Prompt::kNegative}},
};

/// The graph of a case, its result guided or, for comparison, of each prompt by itself.
class CaseGraph {
 public:
  explicit CaseGraph(const Case& test) : rows_(test.fixed ? graph::Dim{kBatchSize} : graph::kBatch) {
    x_ = source("x", test.per_frame_x, 1);
    guidance_.positive = builder_.constant(torch_randn(2, {1, test.positive_tokens, 16}));
    guidance_.negative = builder_.constant(torch_randn(3, {1, test.negative_tokens, 16}));
    guidance_.scale = builder_.parameter("cfg", {1}, Tensor::from<float>(Shape{1}, std::vector<float>{kScale}));
    guidance_.same_control = test.same_control;
    guidance_.rows = {source("hint", test.per_frame_row, 4), builder_.constant(torch_randn(5, {1, 4, 2, 2}))};
  }

  std::vector<float> guided(std::vector<Prompt>& calls) {
    return run(
        trace_guidance(builder_, guidance_, x_,
                       [&](Builder& builder, Value x, Value context, std::span<const Value> rows, Prompt prompt) {
                         calls.push_back(prompt);
                         return toy_network(builder, x, context, rows);
                       }));
  }
  std::vector<float> alone(bool positive) {
    return run(toy_network(builder_, x_, positive ? guidance_.positive : guidance_.negative, guidance_.rows));
  }

 private:
  Value source(const std::string& name, bool per_frame, std::uint64_t seed) {
    if (!per_frame) return builder_.constant(torch_randn(seed, {1, 4, 2, 2}));
    inputs_.push_back(torch_randn(seed, {kBatchSize, 4, 2, 2}));
    return builder_.input(name, DType::kF32, {rows_, 4, 2, 2});
  }

  std::vector<float> run(Value result) {
    builder_.output("eps", result);
    const graph::Graph graph = builder_.take();
    const auto executable = backend::make_reference_backend()->compile(graph, {.max_batch = kBatchSize, .threads = 1});
    const auto outputs = backend::run_once(*executable, graph, inputs_, kBatchSize);
    const auto values = outputs.at(0).values<float>();
    return {values.begin(), values.end()};
  }

  Builder builder_;
  graph::Dim rows_;
  Value x_;
  Guidance guidance_;
  std::vector<Tensor> inputs_;
};

TEST(GuidanceTest, IsTheNegativePlusTheScaledDifference) {
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    std::vector<Prompt> calls;
    const auto guided = CaseGraph(test).guided(calls);
    EXPECT_EQ(calls, test.calls);
    const auto positive = CaseGraph(test).alone(true);
    const auto negative = CaseGraph(test).alone(false);
    ASSERT_EQ(guided.size(), positive.size());
    EXPECT_EQ(guided.size(), test.per_frame_x || test.per_frame_row ? 16U * kBatchSize : 16U);
    for (std::size_t i = 0; i < guided.size(); ++i) {
      EXPECT_NEAR(guided[i], negative[i] + kScale * (positive[i] - negative[i]), 1e-5F) << "element " << i;
    }
  }
}

}  // namespace
}  // namespace comfystream::diffusion
