// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/memory_plan.hpp"

#include <algorithm>

namespace comfystream::graph {
namespace {

struct Block {
  std::int64_t bytes = 0;
  std::size_t first = 0;  // the node that makes it
  std::size_t last = 0;   // the last node that reads it
  std::int64_t offset = MemoryPlan::kNotInArena;
};

bool is_source(OpKind kind) {
  return kind == OpKind::kInput || kind == OpKind::kParameter || kind == OpKind::kConstant;
}

std::vector<Block> live_blocks(const Graph& graph, std::int64_t batch_size, std::int64_t alignment) {
  const auto& nodes = graph.nodes();
  std::vector<Block> blocks(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto bytes =
        nodes[i].type.shape.at(batch_size).elements() * static_cast<std::int64_t>(size_of(nodes[i].type.dtype));
    blocks[i] = {(bytes + alignment - 1) / alignment * alignment, i, i, MemoryPlan::kNotInArena};
    for (const auto operand : nodes[i].operands) blocks[operand.id].last = i;
  }
  return blocks;
}

std::vector<std::size_t> largest_first(const Graph& graph, const std::vector<Block>& blocks) {
  std::vector<bool> placed_elsewhere(blocks.size(), false);
  for (const auto& output : graph.outputs()) placed_elsewhere[output.value.id] = true;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!placed_elsewhere[i] && !is_source(graph.nodes()[i].kind)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return blocks[a].bytes > blocks[b].bytes; });
  return order;
}

// `placed` is sorted by offset; the lowest offset at which `block` meets none that lives at the same time.
std::int64_t lowest_gap(const Block& block, const std::vector<Block>& placed) {
  std::int64_t offset = 0;
  for (const auto& other : placed) {
    const bool together = other.first <= block.last && block.first <= other.last;
    if (!together) continue;
    if (offset + block.bytes <= other.offset) break;
    offset = std::max(offset, other.offset + other.bytes);
  }
  return offset;
}

}  // namespace

MemoryPlan plan_memory(const Graph& graph, std::int64_t batch_size, std::int64_t alignment) {
  auto blocks = live_blocks(graph, batch_size, alignment);
  MemoryPlan plan;
  plan.offsets.assign(blocks.size(), MemoryPlan::kNotInArena);
  std::vector<Block> placed;
  for (const auto index : largest_first(graph, blocks)) {
    Block& block = blocks[index];
    block.offset = lowest_gap(block, placed);
    plan.offsets[index] = block.offset;
    plan.arena_bytes = std::max(plan.arena_bytes, block.offset + block.bytes);
    const auto after = std::upper_bound(placed.begin(), placed.end(), block.offset,
                                        [](std::int64_t offset, const Block& b) { return offset < b.offset; });
    placed.insert(after, block);
  }
  return plan;
}

}  // namespace comfystream::graph
