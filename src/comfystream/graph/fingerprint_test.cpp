// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/fingerprint.hpp"

#include "comfystream/graph/builder.hpp"
#include "tests/support/random_graph.hpp"

#include <functional>
#include <memory>
#include <set>

#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

/// What the traces below differ in.
struct Settings {
  float parameter = 1;
  std::string parameter_name = "strength", input_name = "x", output_name = "y", constant_name = "w", scope = "node#1";
  float small_constant = 2;
  Tensor weights = big();
  std::int64_t pad = 1, trips = 2;
  float epsilon = 1e-5F, loop_step = 1;
  UnaryKind activation = UnaryKind::kSilu;
  SymShape input{kBatch, 4, 6, 5};
  bool swapped = false, extra = false;

  static Tensor big() { return Tensor(DType::kF32, {4, 4, 8, 9}); }
};

Value traced_loop(Builder& b, Value x, const Settings& s) {
  Builder body;
  body.output("x", body.add(body.input("x", DType::kF32, b.shape(x)), s.loop_step));
  LoopAttrs attrs;
  attrs.body = std::make_shared<const Graph>(body.take());
  attrs.trip_count = s.trips;
  attrs.carried = 1;
  return b.loop(attrs, std::vector<Value>{x});
}

std::uint64_t fingerprint(const Settings& s) {
  Builder b;
  const auto scope = b.scope(s.scope);
  const Value x = b.input(s.input_name, DType::kF32, s.input);
  const Value p = b.parameter(s.parameter_name, {1}, Tensor::from<float>({1}, std::vector<float>{s.parameter}));
  Value y = b.conv2d(x, b.constant(s.weights, s.constant_name), std::nullopt,
                     {.pad_top = 4, .pad_left = 4, .pad_bottom = 4, .pad_right = 3 + s.pad});
  y = b.layer_norm(y, b.constant(Tensor(DType::kF32, {b.shape(y)[3].count})),
                   b.constant(Tensor(DType::kF32, {b.shape(y)[3].count})), s.epsilon);
  y = b.unary(s.activation, b.mul(y, s.small_constant));
  y = s.swapped ? b.sub(p, y) : b.sub(y, p);
  if (s.extra) y = b.tanh(y);
  b.output(s.output_name, traced_loop(b, y, s));
  return structure_fingerprint(b.take());
}

TEST(Fingerprint, KeepsWhenOnlyParametersScopesOrConstantsNamesChange) {
  const Settings base;
  Settings other = base;
  other.parameter = 7;
  EXPECT_EQ(fingerprint(other), fingerprint(base));
  other.scope = "node#2/renamed";
  other.constant_name = "weight";
  EXPECT_EQ(fingerprint(other), fingerprint(base));
}

TEST(Fingerprint, ChangesWithEverythingElse) {
  const std::vector<std::function<void(Settings&)>> changes{
      [](Settings& s) { s.parameter_name = "cfg"; },
      [](Settings& s) { s.input_name = "z"; },
      [](Settings& s) { s.output_name = "z"; },
      [](Settings& s) { s.small_constant = 2.5F; },
      [](Settings& s) { s.weights = Settings::big(); },
      [](Settings& s) {
        s.weights = s.weights.reshaped({4, 4, 9, 8});
      },
      [](Settings& s) { s.pad = 2; },
      [](Settings& s) { s.trips = 3; },
      [](Settings& s) { s.epsilon = 1e-6F; },
      [](Settings& s) { s.loop_step = 2; },
      [](Settings& s) { s.activation = UnaryKind::kGelu; },
      [](Settings& s) {
        s.input = {2, 4, 6, 5};
      },
      [](Settings& s) {
        s.input = {Dim(2, true), 4, 6, 5};
      },
      [](Settings& s) { s.swapped = true; },
      [](Settings& s) { s.extra = true; },
  };
  const Settings base;
  std::set<std::uint64_t> seen{fingerprint(base)};
  std::vector<Settings> alive;  // a buffer given back could come again at the same address
  for (const auto& change : changes) {
    alive.push_back(base);
    change(alive.back());
    EXPECT_TRUE(seen.insert(fingerprint(alive.back())).second) << "change " << alive.size() - 1;
  }
}

TEST(Fingerprint, TellsApartEveryAttributeOfEveryOperation) {
  const SymShape map{kBatch, 4, 8, 8};
  const std::vector<std::function<Value(Builder&, Value)>> ops{
      [](Builder& b, Value x) {
        return b.resize(x, {ResizeMode::kBilinear, 4, 4, false});
      },
      [](Builder& b, Value x) {
        return b.resize(x, {ResizeMode::kBilinear, 4, 4, true});
      },
      [](Builder& b, Value x) {
        return b.resize(x, {ResizeMode::kBicubic, 4, 4, false});
      },
      [](Builder& b, Value x) {
        return b.pad(x, {PadMode::kConstant, {0, 0, 1, 0}, {0, 0, 0, 0}, 0});
      },
      [](Builder& b, Value x) {
        return b.pad(x, {PadMode::kConstant, {0, 0, 0, 0}, {0, 0, 1, 0}, 0});
      },
      [](Builder& b, Value x) {
        return b.pad(x, {PadMode::kConstant, {0, 0, 1, 0}, {0, 0, 0, 0}, 1});
      },
      [](Builder& b, Value x) {
        return b.pad(x, {PadMode::kReplicate, {0, 0, 1, 0}, {0, 0, 0, 0}, 0});
      },
      [](Builder& b, Value x) { return b.slice(x, 2, 0, 4); },
      [](Builder& b, Value x) { return b.slice(x, 2, 1, 5); },
      [](Builder& b, Value x) { return b.slice(x, 2, 0, 8, 2); },
      [](Builder& b, Value x) { return b.slice(x, 3, 0, 4); },
      [](Builder& b, Value x) { return b.slice(x, 0, 0, 1); },
      [](Builder& b, Value x) { return b.slice_batch(x, 0, 1); },
      [](Builder& b, Value x) { return b.clamp(x, 0, 1); },
      [](Builder& b, Value x) { return b.clamp(x, -1, 1); },
      [](Builder& b, Value x) { return b.softmax(x, 1); },
      [](Builder& b, Value x) { return b.softmax(x, 2); },
      [](Builder& b, Value x) { return b.matmul(x, x); },
      [](Builder& b, Value x) { return b.matmul(x, x, true); },
      [](Builder& b, Value x) { return b.attention(x, x, x, 1.0F); },
      [](Builder& b, Value x) { return b.attention(x, x, x, 0.5F); },
      [](Builder& b, Value x) { return b.attention(x, x, x, 1.0F, true); },
      [](Builder& b, Value x) {
        return b.transpose(x, {0, 1, 3, 2});
      },
      [](Builder& b, Value x) {
        return b.transpose(x, {0, 1, 2, 3});
      },
      [](Builder& b, Value x) {
        return b.concat({x, x}, 2);
      },
      [](Builder& b, Value x) {
        return b.concat({x, x}, 3);
      },
      [](Builder& b, Value x) { return b.cast(x, DType::kF16); },
      [](Builder& b, Value x) { return b.cast(x, DType::kBF16); },
      [](Builder& b, Value x) { return b.reduce(ReduceKind::kMin, x, {2}); },
      [](Builder& b, Value x) { return b.reduce(ReduceKind::kMin, x, {3}); },
      [](Builder& b, Value x) { return b.reduce(ReduceKind::kMax, x, {2}); },
      [](Builder& b, Value x) { return b.binary(BinaryKind::kMin, x, x); },
      [](Builder& b, Value x) { return b.binary(BinaryKind::kMax, x, x); },
      [](Builder& b, Value x) { return b.compare(CompareKind::kLess, x, x); },
      [](Builder& b, Value x) { return b.compare(CompareKind::kLessEqual, x, x); },
      [](Builder& b, Value x) {
        return b.group_norm(x, b.constant(Tensor(DType::kF32, {4})), b.constant(Tensor(DType::kF32, {4})), {2, 1e-5F});
      },
      [](Builder& b, Value x) {
        return b.group_norm(x, b.constant(Tensor(DType::kF32, {4})), b.constant(Tensor(DType::kF32, {4})), {4, 1e-5F});
      },
      [](Builder& b, Value x) {
        return b.group_norm(x, b.constant(Tensor(DType::kF32, {4})), b.constant(Tensor(DType::kF32, {4})), {4, 1e-6F});
      },
      [](Builder& b, Value) { return b.timestep_embedding(b.constant(Tensor(DType::kF32, {1})), {4}); },
      [](Builder& b, Value) {
        return b.timestep_embedding(b.constant(Tensor(DType::kF32, {1})), {4, false});
      },
      [](Builder& b, Value) {
        return b.timestep_embedding(b.constant(Tensor(DType::kF32, {1})), {4, true, 1.0F});
      },
      [](Builder& b, Value) {
        return b.timestep_embedding(b.constant(Tensor(DType::kF32, {1})), {4, true, 0.0F, 100.0F});
      },
      [](Builder& b, Value x) {
        return b.conv2d(x, b.constant(Tensor(DType::kF32, {4, 2, 1, 1})), std::nullopt, {.groups = 2});
      },
      [](Builder& b, Value x) {
        return b.conv2d(x, b.constant(Tensor(DType::kF32, {4, 4, 1, 1})), std::nullopt, {.stride_h = 2});
      },
      [](Builder& b, Value x) {
        return b.conv2d(x, b.constant(Tensor(DType::kF32, {4, 4, 1, 1})), std::nullopt, {.dilation_h = 2});
      },
      [](Builder& b, Value x) {
        return b.conv_transpose2d(x, b.constant(Tensor(DType::kF32, {4, 4, 3, 3})), std::nullopt, {1, 1, 1});
      },
      [](Builder& b, Value x) {
        return b.conv_transpose2d(x, b.constant(Tensor(DType::kF32, {4, 4, 3, 3})), std::nullopt, {2, 1, 1});
      },
      [](Builder& b, Value x) {
        return b.conv_transpose2d(x, b.constant(Tensor(DType::kF32, {4, 4, 3, 3})), std::nullopt, {1, 0, 1});
      },
  };
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    Builder b;
    b.output("y", ops[i](b, b.input("x", DType::kF32, map)));
    EXPECT_TRUE(seen.insert(structure_fingerprint(b.take())).second) << "operation " << i;
  }
}

TEST(Fingerprint, RandomGraphsHaveDifferentOnes) {
  std::set<std::uint64_t> seen;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const auto one = structure_fingerprint(tests::RandomGraph(seed, 12).take());
    EXPECT_EQ(structure_fingerprint(tests::RandomGraph(seed, 12).take()), one);
    EXPECT_TRUE(seen.insert(one).second) << "seed " << seed;
  }
}

}  // namespace
}  // namespace comfystream::graph
