// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/golden_ops_test.hpp"

namespace comfystream::backend::reference {
namespace {

using graph::BinaryKind;
using graph::Builder;
using graph::ReduceKind;
using graph::UnaryKind;
using graph::Value;

Value positive(Builder& b, GoldenInputs& in) { return b.add(b.unary(UnaryKind::kAbs, in.frames("y")), 0.125F); }

std::vector<GoldenCase> unary_cases() {
  const std::vector<std::tuple<const char*, UnaryKind, double>> kinds{
      {"silu", UnaryKind::kSilu, 2e-6},
      {"gelu", UnaryKind::kGelu, 2e-6},
      {"gelu_tanh", UnaryKind::kGeluTanh, 2e-6},
      {"quick_gelu", UnaryKind::kQuickGelu, 2e-6},
      {"relu", UnaryKind::kRelu, 0},
      {"tanh", UnaryKind::kTanh, 2e-6},
      {"sigmoid", UnaryKind::kSigmoid, 2e-6},
      {"floor", UnaryKind::kFloor, 0},
      {"round", UnaryKind::kRound, 0},
      {"exp", UnaryKind::kExp, 2e-6},
      {"neg", UnaryKind::kNeg, 0},
      {"abs", UnaryKind::kAbs, 0},
  };
  std::vector<GoldenCase> cases;
  cases.reserve(kinds.size());
  for (const auto& [name, kind, tolerance] : kinds) {
    cases.push_back(
        {name, [kind = kind](Builder& b, GoldenInputs& in) { return b.unary(kind, in.frames("x")); }, tolerance});
  }
  return cases;
}

const std::vector<GoldenCase> kCases{
    {"log", [](Builder& b, GoldenInputs& in) { return b.unary(UnaryKind::kLog, positive(b, in)); }},
    {"sqrt", [](Builder& b, GoldenInputs& in) { return b.unary(UnaryKind::kSqrt, positive(b, in)); }},
    {"group_norm",
     [](Builder& b, GoldenInputs& in) {
       return b.group_norm(in.frames("x"), in.weight("norm_4"), in.weight("b_4"), {2, 1e-5F});
     }},
    {"group_norm_each",
     [](Builder& b, GoldenInputs& in) {
       return b.group_norm(in.frames("x"), in.parameter("norm_4"), in.parameter("b_4"), {4, 1e-3F});
     }},
    {"group_norm_all",
     [](Builder& b, GoldenInputs& in) {
       const Value x = b.reshape(in.frames("x"), {graph::kBatch, 4, 15});
       return b.group_norm(x, in.weight("norm_4"), in.weight("b_4"), {1, 1e-6F});
     }},
    {"layer_norm",
     [](Builder& b, GoldenInputs& in) {
       return b.layer_norm(in.frames("tokens"), in.weight("norm_5"), in.weight("shift_5"), 1e-5F);
     }},
    {"add", [](Builder& b, GoldenInputs& in) { return b.add(in.frames("x"), in.frames("y")); }, 1e-7},
    {"sub", [](Builder& b, GoldenInputs& in) { return b.sub(in.frames("x"), in.parameter("row_channel")); }, 1e-7},
    {"mul", [](Builder& b, GoldenInputs& in) { return b.mul(in.weight("row_width"), in.frames("x")); }, 1e-7},
    {"div", [](Builder& b, GoldenInputs& in) { return b.div(in.frames("x"), positive(b, in)); }, 1e-6},
    {"min", [](Builder& b, GoldenInputs& in) { return b.binary(BinaryKind::kMin, in.frames("x"), in.frames("y")); }, 0},
    {"max",
     [](Builder& b, GoldenInputs& in) {
       const Value other = b.mul(in.parameter("row_channel"), in.parameter("row_width"));
       return b.binary(BinaryKind::kMax, in.frames("x"), other);
     },
     1e-7},
    {"pow",
     [](Builder& b, GoldenInputs& in) {
       const Value y = in.frames("y");
       return b.binary(BinaryKind::kPow, b.add(b.unary(UnaryKind::kAbs, y), 0.125F), y);
     }},
    {"clamp", [](Builder& b, GoldenInputs& in) { return b.clamp(in.frames("x"), -0.75F, 1.5F); }, 0},
    {"select",
     [](Builder& b, GoldenInputs& in) {
       const Value x = in.frames("x");
       return b.select(b.compare(graph::CompareKind::kLess, x, in.frames("y")), x, in.weight("row_width"));
     },
     0},
    {"softmax_last", [](Builder& b, GoldenInputs& in) { return b.softmax(in.frames("x"), -1); }},
    {"softmax_channel", [](Builder& b, GoldenInputs& in) { return b.softmax(b.mul(in.frames("x"), 20.0F), 1); }, 1e-5},
    {"reduce_min",
     [](Builder& b, GoldenInputs& in) {
       return b.reduce(ReduceKind::kMin, in.frames("x"), {2, 3});
     },
     0},
    {"reduce_max", [](Builder& b, GoldenInputs& in) { return b.reduce(ReduceKind::kMax, in.frames("x"), {1}); }, 0},
    {"reduce_mean",
     [](Builder& b, GoldenInputs& in) {
       return b.reduce(ReduceKind::kMean, in.frames("x"), {3, 1});
     }},
    {"reduce_sum",
     [](Builder& b, GoldenInputs& in) {
       return b.reduce(ReduceKind::kSum, in.frames("x"), {1, 2, -1});
     }},
    {"timestep_embedding",
     [](Builder& b, GoldenInputs& in) { return b.timestep_embedding(in.frames("timesteps"), {.dim = 10}); }, 5e-5},
    {"timestep_embedding_odd",
     [](Builder& b, GoldenInputs& in) {
       return b.timestep_embedding(in.frames("timesteps"),
                                   {.dim = 7, .flip_sin_to_cos = false, .downscale_freq_shift = 1.0F});
     },
     5e-5},
};

std::vector<GoldenCase> resize_cases() {
  using graph::ResizeMode;
  const std::vector<std::pair<std::string, ResizeMode>> modes{{"nearest", ResizeMode::kNearest},
                                                              {"nearest-exact", ResizeMode::kNearestExact},
                                                              {"bilinear", ResizeMode::kBilinear},
                                                              {"bicubic", ResizeMode::kBicubic}};
  const std::vector<std::pair<std::int64_t, std::int64_t>> sizes{{3, 5}, {6, 10}, {7, 4}, {2, 2}, {1, 1}, {5, 13}};
  std::vector<GoldenCase> cases;
  for (const auto& [name, mode] : modes) {
    const bool interpolates = mode == ResizeMode::kBilinear || mode == ResizeMode::kBicubic;
    for (const auto& [height, width] : sizes) {
      std::string full = "resize_";
      full.append(name).append("_").append(std::to_string(height)).append("x").append(std::to_string(width));
      for (const bool corners : {false, true}) {
        if (corners && !interpolates) continue;
        const graph::ResizeAttrs attrs{mode, height, width, corners};
        cases.push_back({full + (corners ? "_corners" : ""),
                         [attrs](Builder& b, GoldenInputs& in) { return b.resize(in.frames("map_small"), attrs); },
                         interpolates ? 1e-6 : 0});
      }
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Unary, GoldenOps, testing::ValuesIn(unary_cases()), GoldenOps::name_of);
INSTANTIATE_TEST_SUITE_P(Math, GoldenOps, testing::ValuesIn(kCases), GoldenOps::name_of);
INSTANTIATE_TEST_SUITE_P(Resize, GoldenOps, testing::ValuesIn(resize_cases()), GoldenOps::name_of);

}  // namespace
}  // namespace comfystream::backend::reference
