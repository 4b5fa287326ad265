// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/fusion.hpp"

#include "comfystream/backend/cuda/storage_types.hpp"
#include "comfystream/backend/cuda/tap_weights.hpp"
#include "comfystream/graph/builder.hpp"
#include "tests/support/op_cases.hpp"

#include <gtest/gtest.h>

namespace comfystream::backend::cuda {
namespace {

using graph::Builder;
using graph::kBatch;
using graph::SymShape;
using graph::UnaryKind;
using graph::Value;
using tests::weight;

const graph::Conv2dAttrs kSame{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};

struct Fused {
  graph::Graph graph;
  std::vector<DType> storage;
  Fusion fusion;
};

Fused fuse_graph(Builder& builder) {
  Fused fused{builder.take(), {}, {}};
  fused.storage = assign_storage(fused.graph, DType::kF16);
  fused.fusion = fuse(fused.graph, fused.storage);
  return fused;
}

Value map_of(Builder& b) { return b.input("x", DType::kF32, SymShape{kBatch, 16, 8, 8}); }
Value conv(Builder& b, Value x, std::uint32_t seed = 1) {
  return b.conv2d(x, b.weight(weight({16, 16, 3, 3}, seed)), b.weight(weight({16}, seed)), kSame);
}

TEST(Fusion, AConvolutionTakesItsResidualAndActivation) {
  Builder b;
  const Value x = conv(b, map_of(b));
  const Value h = conv(b, x, 2);
  const Value y = b.relu(b.add(h, x));
  b.output("y", conv(b, y, 3));
  const Fused f = fuse_graph(b);
  const FusedOp& op = f.fusion.fused.at(y.id);
  EXPECT_EQ(op.core, h);
  EXPECT_EQ(op.residual, x);
  EXPECT_EQ(op.activation, UnaryKind::kRelu);
  EXPECT_EQ(f.fusion.roles[h.id], Role::kAbsorbed);
}

TEST(Fusion, AProductTakesItsGate) {
  const auto gated = [](std::int64_t width, bool swapped, bool read_twice) {
    Builder b;
    const Value x = b.input("x", DType::kF32, SymShape{kBatch, 16, width});
    const Value both = b.linear(x, b.weight(weight({512, width}, 1)), b.weight(weight({512}, 2)));
    const Value halves[] = {b.slice(both, 2, 0, 256), b.slice(both, 2, 256, 512)};
    const Value y = b.mul(halves[swapped ? 1 : 0], b.gelu(halves[swapped ? 0 : 1]));
    b.output("y", b.linear(y, b.weight(weight({8, 256}, 3))));
    if (read_twice) b.output("both", both);
    const Fused f = fuse_graph(b);
    const auto found = f.fusion.fused.find(y.id);
    return found != f.fusion.fused.end() && found->second.gated && found->second.core == both &&
           f.fusion.roles[both.id] == Role::kAbsorbed;
  };
  EXPECT_TRUE(gated(320, false, false));
  EXPECT_FALSE(gated(256, false, false));  // a width without a kernel
  EXPECT_FALSE(gated(320, true, false));
  EXPECT_FALSE(gated(320, false, true));
}

TEST(Fusion, AConvolutionReadsThePictureThatIsEnlargedForIt) {
  const auto enlarged = [](std::int64_t size, bool read_twice, graph::ResizeMode mode) {
    Builder b;
    const Value small = map_of(b);
    const Value large = b.resize(small, {.mode = mode, .height = size, .width = size});
    const Value y = conv(b, large);
    b.output("y", read_twice ? b.add(y, large) : y);
    const Fused f = fuse_graph(b);
    const auto op = f.fusion.fused.find(y.id);
    const bool found = op != f.fusion.fused.end() && op->second.enlarged == small;
    EXPECT_EQ(f.fusion.roles[large.id], found ? Role::kAbsorbed : Role::kOp);
    return found;
  };
  EXPECT_TRUE(enlarged(16, false, graph::ResizeMode::kNearest));
  EXPECT_TRUE(enlarged(16, false, graph::ResizeMode::kNearestExact));
  EXPECT_FALSE(enlarged(15, false, graph::ResizeMode::kNearest)) << "rows of the small picture count differently";
  EXPECT_FALSE(enlarged(16, false, graph::ResizeMode::kBilinear));
  EXPECT_FALSE(enlarged(16, true, graph::ResizeMode::kNearest)) << "somebody else reads the large one";
}

TEST(Fusion, AConvolutionOfAResizedMapRunsOnTheSmallOne) {
  const auto resized = [](std::int64_t size, bool read_twice, graph::ResizeMode mode) {
    Builder b;
    const Value small = map_of(b);
    const Value large = b.resize(conv(b, small), {.mode = mode, .height = size, .width = size});
    const Value y = b.relu(conv(b, large, 2));
    b.output("y", conv(b, read_twice ? b.add(y, large) : y, 3));
    const Fused f = fuse_graph(b);
    const auto op = f.fusion.fused.find(y.id);
    const bool found = op != f.fusion.fused.end() && op->second.resized.has_value();
    EXPECT_EQ(f.fusion.roles[large.id], found ? Role::kAbsorbed : Role::kOp);
    if (found) {
      EXPECT_EQ(op->second.resized, f.graph.node(large).operands[0]);
      EXPECT_EQ(op->second.activation, UnaryKind::kRelu);
      EXPECT_FALSE(op->second.head);
    }
    return found;
  };
  EXPECT_TRUE(resized(13, false, graph::ResizeMode::kBilinear));
  EXPECT_FALSE(resized(10, false, graph::ResizeMode::kBilinear)) << "few pixels more, but nine maps";
  EXPECT_FALSE(resized(13, false, graph::ResizeMode::kBicubic));
  EXPECT_FALSE(resized(13, true, graph::ResizeMode::kBilinear)) << "somebody else reads the large one";
}

TEST(Fusion, AConvolutionOfAResizedMapTakesThePixelwiseOneBeforeTheResize) {
  const auto before = [](bool read_twice) {
    Builder b;
    const Value x = conv(b, map_of(b));
    const Value small = b.conv2d(x, b.weight(weight({16, 16, 1, 1}, 3)), b.weight(weight({16}, 4)), {});
    const Value large = b.resize(small, {.mode = graph::ResizeMode::kBilinear, .height = 16, .width = 16});
    const Value y = conv(b, large, 2);
    b.output("y", conv(b, y, 5));
    if (read_twice) b.output("z", conv(b, small, 6));
    const Fused f = fuse_graph(b);
    const FusedOp& op = f.fusion.fused.at(y.id);
    EXPECT_EQ(op.resized, op.before ? x : small);
    EXPECT_EQ(f.fusion.roles[small.id], op.before ? Role::kAbsorbed : Role::kOp);
    if (op.before) {
      EXPECT_EQ(op.tap_weight.shape(), (Shape{9, 16, 16}));
      EXPECT_EQ(op.tap_bias.elements(), 9 * 16);
    }
    return op.before.has_value();
  };
  EXPECT_TRUE(before(false));
  EXPECT_FALSE(before(true)) << "somebody else reads what it makes";
}

TEST(Fusion, ComposesTapsWithWhatIsBeforeThem) {
  Tensor taps(DType::kF32, {1, 2, 3, 3});
  for (std::size_t i = 0; i < 18; ++i) taps.mutable_values<float>()[i] = static_cast<float>(i);
  Tensor pixelwise(DType::kF32, {2, 3, 1, 1});
  for (std::size_t i = 0; i < 6; ++i) pixelwise.mutable_values<float>()[i] = static_cast<float>(i + 1);
  const Tensor both = compose_taps(taps, pixelwise);
  Tensor added(DType::kF32, {2});
  added.mutable_values<float>()[0] = 1.0F;
  added.mutable_values<float>()[1] = 2.0F;
  const Tensor bias = compose_tap_bias(taps, added);
  for (std::size_t tap = 0; tap < 9; ++tap) {
    const auto first = static_cast<float>(tap);
    for (std::size_t d = 0; d < 3; ++d) {
      const auto from = static_cast<float>(d + 1);
      EXPECT_EQ(both.values<float>()[3 * tap + d], first * from + (first + 9.0F) * (from + 3.0F));
    }
    EXPECT_EQ(bias.values<float>()[tap], first * 1.0F + (first + 9.0F) * 2.0F);
  }
}

TEST(Fusion, AConvolutionOfAResizedMapTakesTheHeadBehindIt) {
  Builder b;
  const Value small = conv(b, map_of(b));
  const Value large = b.resize(small, {.mode = graph::ResizeMode::kBilinear, .height = 16, .width = 16});
  const Value h = b.relu(conv(b, large, 2));
  const Value head = b.conv2d(h, b.weight(weight({1, 16, 1, 1}, 3)), b.weight(weight({1}, 4)), {});
  const Value y = b.relu(head);
  b.output("y", y);
  const Fused f = fuse_graph(b);
  const FusedOp& op = f.fusion.fused.at(y.id);
  EXPECT_EQ(op.resized, small);
  EXPECT_EQ(op.activation, UnaryKind::kRelu);
  EXPECT_EQ(op.head, head);
  EXPECT_EQ(op.head_activation, UnaryKind::kRelu);
  for (const Value inside : {large, h, head}) EXPECT_EQ(f.fusion.roles[inside.id], Role::kAbsorbed);
}

TEST(Fusion, AResultReadTwiceIsKept) {
  Builder b;
  const Value h = conv(b, map_of(b));
  const Value act = b.silu(h);
  b.output("y", conv(b, b.add(act, h), 2));
  const Fused f = fuse_graph(b);
  EXPECT_EQ(f.fusion.roles[h.id], Role::kOp);
  EXPECT_FALSE(f.fusion.fused.contains(act.id));
  EXPECT_EQ(f.fusion.roles[act.id], Role::kInlined) << "into the sum";
}

TEST(Fusion, ANormTakesTheShiftBeforeAndTheActivationAfter) {
  Builder b;
  const Value h = conv(b, map_of(b));
  const Value shift = b.reshape(b.input("t", DType::kF32, SymShape{kBatch, 16}), SymShape{kBatch, 16, 1, 1});
  const Value sum = b.add(h, shift);
  const Value norm = b.group_norm(sum, b.weight(weight({16})), b.weight(weight({16}, 2)), {.groups = 4});
  const Value y = b.silu(norm);
  b.output("y", conv(b, y, 3));
  const Fused f = fuse_graph(b);
  const FusedOp& op = f.fusion.fused.at(y.id);
  EXPECT_EQ(op.core, norm);
  EXPECT_EQ(op.shift, shift);
  EXPECT_EQ(f.fusion.roles[sum.id], Role::kAbsorbed);
}

TEST(Fusion, AProductTakesItsScaleAndAResidualInAnotherShape) {
  Builder b;
  const Value x = conv(b, map_of(b));
  const Value tokens = b.reshape(b.transpose(x, {0, 2, 3, 1}), SymShape{kBatch, 64, 16});
  const Value product = b.linear(tokens, b.weight(weight({16, 16})), b.weight(weight({16})));
  const Value gamma = b.weight(weight({16}, 9));
  const Value scaled = b.mul(product, gamma);
  const Value map = b.transpose(b.reshape(scaled, SymShape{kBatch, 8, 8, 16}), {0, 3, 1, 2});
  const Value y = b.add(map, x);
  b.output("y", conv(b, y, 3));
  const Fused f = fuse_graph(b);
  const FusedOp& op = f.fusion.fused.at(y.id);
  EXPECT_EQ(op.core, product);
  EXPECT_EQ(op.scale, gamma);
  EXPECT_EQ(op.residual, x);
  EXPECT_EQ(op.views.size(), 2U);
}

TEST(Fusion, ProductsOfOneValueRunTogether) {
  Builder b;
  const Value x = b.input("x", DType::kF32, SymShape{kBatch, 7, 16});
  std::vector<Value> parts;
  for (std::uint32_t i = 0; i < 3; ++i) parts.push_back(b.linear(x, b.weight(weight({16, 16}, i + 1))));
  const auto heads = [&](Value v) { return b.transpose(b.reshape(v, SymShape{kBatch, 7, 2, 8}), {0, 2, 1, 3}); };
  const Value a = b.attention(heads(parts[0]), heads(parts[1]), heads(parts[2]), 1.0F);
  b.output("y", a);
  const Fused f = fuse_graph(b);
  ASSERT_TRUE(f.fusion.joined.contains(parts[0].id));
  EXPECT_EQ(f.fusion.joined.at(parts[0].id), parts);
}

TEST(Fusion, ElementwiseChainsAreComputedWhereTheyAreRead) {
  Builder b;
  const Value x = map_of(b);
  const Value scaled = b.mul(x, 2.0F);
  const Value low = b.clamp(scaled, 0.0F, 1.0F);
  const Value bytes = b.cast(low, DType::kU8);
  b.output("y", bytes);
  const Fused f = fuse_graph(b);
  EXPECT_EQ(f.fusion.roles[scaled.id], Role::kInlined);
  EXPECT_EQ(f.fusion.roles[low.id], Role::kInlined);
  EXPECT_EQ(f.fusion.roles[bytes.id], Role::kOp);
}

TEST(Fusion, AResizeTakesASumAndGivesItsPositivePartToo) {
  Builder b;
  const Value small = conv(b, map_of(b));
  const Value large = b.resize(small, {graph::ResizeMode::kBilinear, 16, 16, true});
  const Value skip = conv(b, b.input("z", DType::kF32, SymShape{kBatch, 16, 16, 16}), 2);
  const Value unit = b.add(conv(b, skip, 4), skip);
  const Value sum = b.add(large, unit);
  const Value positive = b.relu(sum);
  b.output("y", conv(b, b.add(conv(b, positive, 3), sum), 5));
  const Fused f = fuse_graph(b);
  const FusedOp& op = f.fusion.fused.at(sum.id);
  EXPECT_EQ(op.core, large);
  EXPECT_EQ(op.residual, unit);
  EXPECT_EQ(op.positive, positive);
  EXPECT_EQ(f.fusion.roles[large.id], Role::kAbsorbed);
  EXPECT_EQ(f.fusion.roles[positive.id], Role::kOp);
}

TEST(StorageTypes, InsidesOfNetworksAreHalfAndTheRestIsNot) {
  Builder b;
  const Value x = map_of(b);
  const Value scaled = b.mul(x, 0.5F);
  const Value h = conv(b, scaled);
  const Value last = conv(b, h, 2);
  const Value sampled = b.sub(x, last);
  const Value whole = b.floor(sampled);
  const Value hint = b.mul(whole, 0.25F);
  b.output("y", conv(b, hint, 3));
  const graph::Graph graph = b.take();
  for (const DType precision : {DType::kF16, DType::kBF16}) {
    const auto storage = assign_storage(graph, precision);
    EXPECT_EQ(storage[x.id], DType::kF32);
    EXPECT_EQ(storage[scaled.id], precision);
    EXPECT_EQ(storage[h.id], precision);
    EXPECT_EQ(storage[last.id], DType::kF32) << "read by the sampler";
    EXPECT_EQ(storage[sampled.id], DType::kF32);
    EXPECT_EQ(storage[hint.id], DType::kF32) << "computed from whole numbers";
  }
}

}  // namespace
}  // namespace comfystream::backend::cuda
