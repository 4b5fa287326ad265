// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/memory_plan.hpp"

#include "comfystream/graph/builder.hpp"
#include "comfystream/graph/passes/simplify.hpp"
#include "tests/support/random_graph.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace comfystream::graph {
namespace {

/// A result in the arena: its bytes, and from which node it is made to which node reads it last.
struct Life {
  std::size_t node;
  std::int64_t begin, end;
  std::size_t first, last;
};

std::vector<Life> lives(const Graph& graph, const MemoryPlan& plan, std::int64_t batch) {
  std::vector<Life> result;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (plan.offsets[i] == MemoryPlan::kNotInArena) continue;
    const auto& type = graph.nodes()[i].type;
    const auto bytes = type.shape.at(batch).elements() * static_cast<std::int64_t>(size_of(type.dtype));
    Life life{i, plan.offsets[i], plan.offsets[i] + bytes, i, i};
    for (std::size_t k = i; k < graph.nodes().size(); ++k) {
      const auto& operands = graph.nodes()[k].operands;
      if (std::ranges::find(operands, Value{static_cast<std::uint32_t>(i)}) != operands.end()) life.last = k;
    }
    result.push_back(life);
  }
  return result;
}

TEST(MemoryPlan, NoTwoLiveResultsOverlapInRandomGraphs) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const Graph graph = tests::RandomGraph(seed, 30).take();
    for (const std::int64_t batch : {1, 3}) {
      for (const std::int64_t alignment : {1, 256}) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", batch " + std::to_string(batch));
        const MemoryPlan plan = plan_memory(graph, batch, alignment);
        const auto all = lives(graph, plan, batch);
        for (std::size_t a = 0; a < all.size(); ++a) {
          ASSERT_EQ(all[a].begin % alignment, 0);
          ASSERT_GE(all[a].begin, 0);
          ASSERT_LE(all[a].end, plan.arena_bytes);
          for (std::size_t b = a + 1; b < all.size(); ++b) {
            const bool together = all[a].first <= all[b].last && all[b].first <= all[a].last;
            const bool apart = all[a].end <= all[b].begin || all[b].end <= all[a].begin;
            ASSERT_TRUE(!together || apart) << "%" << all[a].node << " and %" << all[b].node;
          }
        }
      }
    }
  }
}

TEST(MemoryPlan, SourcesAndOutputsAreElsewhere) {
  const Graph graph = tests::RandomGraph(5, 30).take();
  const MemoryPlan plan = plan_memory(graph, 2);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto is_output = [&](const Output& output) { return output.value.id == i; };
    const bool elsewhere = graph.nodes()[i].operands.empty() || std::ranges::any_of(graph.outputs(), is_output);
    EXPECT_EQ(plan.offsets[i] == MemoryPlan::kNotInArena, elsewhere) << i;
  }
}

TEST(MemoryPlan, AChainNeedsTwoResults) {
  Builder b;
  Value x = b.input("x", DType::kF32, {kBatch, 64});
  for (int i = 0; i < 10; ++i) x = b.tanh(x);
  b.output("y", x);
  EXPECT_EQ(plan_memory(b.take(), 3).arena_bytes, 2 * 3 * 64 * 4);
}

TEST(MemoryPlan, WorkspaceOfALargeGraphIsReused) {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    const Graph graph = simplify(tests::RandomGraph(seed, 60).take());
    const MemoryPlan plan = plan_memory(graph, 2, 1);
    std::int64_t sum = 0;
    for (const auto& life : lives(graph, plan, 2)) sum += life.end - life.begin;
    EXPECT_LT(plan.arena_bytes, sum) << seed;
  }
}

TEST(MemoryPlan, AnEmptyGraphNeedsNothing) { EXPECT_EQ(plan_memory(Graph(), 1).arena_bytes, 0); }

}  // namespace
}  // namespace comfystream::graph
