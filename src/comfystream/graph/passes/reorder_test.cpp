// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/passes/reorder.hpp"

#include "comfystream/graph/builder.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/run_reference.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

const SymShape kMap{kBatch, 6, 5, 4};

Tensor dice(std::uint32_t seed, const Shape& shape) { return tests::Dice(seed).tensor(shape); }

Value convolve(Builder& b, Value x, std::int64_t channels, std::int64_t side = 1, const Conv2dAttrs& attrs = {}) {
  const std::int64_t from = b.shape(x)[1].count;
  return b.conv2d(x, b.constant(dice(1, {channels, from, side, side})), b.constant(dice(2, {channels})), attrs);
}

OpKind last_kind(const Graph& graph) { return graph.node(graph.outputs().at(0).value).kind; }

void expect_close(const Graph& a, const Graph& b, const Tensor& x, std::int64_t batch) {
  const auto expected = tests::run_reference(a, {x}, batch);
  const auto actual = tests::run_reference(b, {x}, batch);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].shape(), expected[i].shape());
    const auto left = actual[i].values<float>();
    const auto right = expected[i].values<float>();
    for (std::size_t j = 0; j < left.size(); ++j) ASSERT_NEAR(left[j], right[j], 1e-5F) << j;
  }
}

TEST(Reorder, ConvolvesPixelsBeforeTheyAreMore) {
  for (const auto mode :
       {ResizeMode::kNearest, ResizeMode::kNearestExact, ResizeMode::kBilinear, ResizeMode::kBicubic}) {
    for (const bool align : {false, true}) {
      Builder b;
      const Value x = b.input("x", DType::kF32, kMap);
      b.output("y", convolve(b, b.resize(x, {mode, 9, 7, align}), 6));
      const Graph graph = b.take();
      const Graph moved = reorder(graph);
      EXPECT_EQ(last_kind(moved), OpKind::kResize);
      EXPECT_EQ(moved.nodes().size(), graph.nodes().size());
      EXPECT_EQ(moved.type(moved.outputs()[0].value), graph.type(graph.outputs()[0].value));
      for (const std::int64_t batch : {1, 3}) expect_close(graph, moved, dice(3, {batch, 6, 5, 4}), batch);
    }
  }
}

TEST(Reorder, LeavesConvolutionsThatWouldNotBeCheaperOrTheSame) {
  const auto kept = [](const ResizeAttrs& resize, const std::function<Value(Builder&, Value)>& after) {
    Builder b;
    const Value x = b.input("x", DType::kF32, kMap);
    b.output("y", after(b, b.resize(x, resize)));
    const Graph graph = b.take();
    EXPECT_EQ(dump(reorder(graph)), dump(graph));
  };
  const ResizeAttrs larger{ResizeMode::kBilinear, 10, 8, true};
  const auto plain = [](Builder& b, Value v) { return convolve(b, v, 6); };
  kept({ResizeMode::kBilinear, 3, 2, true}, plain);
  kept(larger, [](Builder& b, Value v) { return convolve(b, v, 12); });
  kept(larger, [](Builder& b, Value v) { return convolve(b, v, 6, 3, {.pad_top = 1, .pad_left = 1}); });
  kept(larger, [](Builder& b, Value v) { return convolve(b, v, 6, 1, {.stride_h = 2, .stride_w = 2}); });
  kept(larger, [](Builder& b, Value v) { return convolve(b, v, 6, 1, {.pad_bottom = 1}); });
  kept(larger, [](Builder& b, Value v) { return b.add(convolve(b, v, 6), v); });
}

TEST(Reorder, SlicesRowsBeforeTheyAreNormalised) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 5, 8});
  const Value norm = b.layer_norm(x, b.constant(dice(1, {8})), b.constant(dice(2, {8})));
  b.output("y", b.slice(norm, 1, 1, 5));
  const Graph graph = b.take();
  const Graph moved = reorder(graph);
  EXPECT_EQ(last_kind(moved), OpKind::kLayerNorm);
  const Tensor input = dice(3, {2, 5, 8});
  EXPECT_TRUE(tests::identical(tests::run_reference(moved, {input}, 2)[0], tests::run_reference(graph, {input}, 2)[0]));
}

TEST(Reorder, LeavesSlicesOfWhatIsNormalisedOrReadWhole) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch, 5, 8});
  const Value norm = b.layer_norm(x, b.constant(dice(1, {8})), b.constant(dice(2, {8})));
  b.output("columns", b.slice(norm, 2, 0, 4));
  const Value other = b.layer_norm(x, b.constant(dice(4, {8})), b.constant(dice(5, {8})));
  b.output("rows", b.slice(other, 1, 1, 5));
  b.output("all", other);
  const Graph graph = b.take();
  EXPECT_EQ(dump(reorder(graph)), dump(graph));
}

}  // namespace
}  // namespace comfystream::graph
