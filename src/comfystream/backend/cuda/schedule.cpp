// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/schedule.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

namespace comfystream::backend::cuda {
namespace {

constexpr std::int64_t kAlignment = 256;

/// For each step, the steps that are surely over when it starts.
class Order {
 public:
  explicit Order(std::size_t steps) : words_((steps + 63) / 64), bits_(steps * words_, 0) {}
  void add(std::size_t step, std::size_t earlier) {
    for (std::size_t w = 0; w < words_; ++w) bits_[step * words_ + w] |= bits_[earlier * words_ + w];
    bits_[step * words_ + earlier / 64] |= std::uint64_t{1} << (earlier % 64);
  }
  [[nodiscard]] bool before(std::size_t earlier, std::size_t step) const {
    return (bits_[step * words_ + earlier / 64] >> (earlier % 64) & 1U) != 0;
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

// The steps whose results (or whose reading of what a step overwrites) each step must wait for.
std::vector<std::set<std::size_t>> dependencies(const Program& program) {
  std::vector<std::set<std::size_t>> needs(program.steps.size());
  std::vector<std::vector<std::size_t>> writers(program.buffers.size());
  std::vector<std::vector<std::size_t>> readers(program.buffers.size());
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    const Step& step = program.steps[s];
    for (const int b : step.reads) {
      const auto buffer = static_cast<std::size_t>(b);
      needs[s].insert(writers[buffer].begin(), writers[buffer].end());
    }
    for (const int b : step.writes) {
      // Several steps may fill parts of one buffer, in any order; reading it in between orders them.
      const auto buffer = static_cast<std::size_t>(b);
      needs[s].insert(readers[buffer].begin(), readers[buffer].end());
    }
    for (const int b : step.reads) readers[static_cast<std::size_t>(b)].push_back(s);
    for (const int b : step.writes) writers[static_cast<std::size_t>(b)].push_back(s);
    needs[s].erase(s);
  }
  return needs;
}

using Needs = std::vector<std::set<std::size_t>>;

// What a step takes on a card of today, starting it included: good enough to compare long chains.
double estimated_microseconds(const Step& step) {
  return 2.0 + std::max(step.flops / 4e8, static_cast<double>(step.bytes) / 2e6);
}

/// The longest chain of steps, each needing the one before, through steps that have no lane yet.
struct Chain {
  std::vector<std::size_t> steps;
  double microseconds = 0;
};

Chain longest_chain(const Program& program, const Needs& needs, const std::vector<bool>& taken) {
  const std::size_t count = program.steps.size();
  std::vector<double> length(count, 0);
  std::vector<std::size_t> previous(count, count);
  std::size_t last = count;
  for (std::size_t s = 0; s < count; ++s) {
    if (taken[s]) continue;
    for (const auto need : needs[s]) {
      if (taken[need] || length[need] <= length[s]) continue;
      length[s] = length[need];
      previous[s] = need;
    }
    length[s] += estimated_microseconds(program.steps[s]);
    if (last == count || length[s] > length[last]) last = s;
  }
  Chain chain;
  if (last == count) return chain;
  chain.microseconds = length[last];
  for (std::size_t s = last; s != count; s = previous[s]) chain.steps.push_back(s);
  return chain;
}

// A chain shorter than this part of the longest is not worth the waits of a lane of its own.
constexpr double kWorthALane = 0.05;

std::vector<std::size_t> choose_lanes(const Program& program, const Needs& needs, std::size_t lanes) {
  const std::size_t count = program.steps.size();
  std::vector<std::size_t> lane(count, 0);
  if (lanes == 1) return lane;
  std::vector<bool> taken(count, false);
  double longest = 0;
  for (std::size_t l = 0; l < lanes; ++l) {
    const Chain chain = longest_chain(program, needs, taken);
    if (chain.microseconds < longest * kWorthALane) break;
    longest = std::max(longest, chain.microseconds);
    for (const auto s : chain.steps) {
      lane[s] = l;
      taken[s] = true;
    }
  }
  // The rest runs where what it needs was made last, or, needing nothing, where it is read first.
  std::vector<bool> placed = taken;
  for (std::size_t s = 0; s < count; ++s) {
    if (placed[s] || needs[s].empty()) continue;
    const auto made = std::ranges::find_if(needs[s].rbegin(), needs[s].rend(), [&](auto need) { return placed[need]; });
    if (made == needs[s].rend()) continue;
    lane[s] = lane[*made];
    placed[s] = true;
  }
  for (std::size_t reader = count; reader-- > 0;) {
    for (const auto need : needs[reader]) {
      if (!placed[need]) lane[need] = lane[reader];
    }
  }
  return lane;
}

struct Block {
  std::size_t buffer = 0;
  std::int64_t bytes = 0;
  std::int64_t offset = 0;
  std::vector<std::size_t> touched;  // steps
  bool kept = false;
};

Order order_of(const Program& program, const Schedule& schedule) {
  Order order(program.steps.size());
  std::vector<std::int64_t> last(schedule.lanes, -1);
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    const auto& place = schedule.places[s];
    if (last[place.lane] >= 0) order.add(s, static_cast<std::size_t>(last[place.lane]));
    for (const auto earlier : place.waits_for) order.add(s, earlier);
    last[place.lane] = static_cast<std::int64_t>(s);
  }
  return order;
}

bool all_before(const Block& a, const Block& b, const Order& order) {
  return std::ranges::all_of(
      a.touched, [&](auto x) { return std::ranges::all_of(b.touched, [&](auto y) { return order.before(x, y); }); });
}

bool may_share(const Block& a, const Block& b, const Order& order) {
  if (a.kept || b.kept) return false;
  if (a.touched.back() < b.touched.front()) return all_before(a, b, order);
  if (b.touched.back() < a.touched.front()) return all_before(b, a, order);
  return false;
}

std::vector<Block> blocks_of(const Program& program, Home home, const std::vector<bool>& kept) {
  std::vector<Block> blocks(program.buffers.size());
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    for (const auto* list : {&program.steps[s].reads, &program.steps[s].writes}) {
      for (const int b : *list) blocks[static_cast<std::size_t>(b)].touched.push_back(s);
    }
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    blocks[b].buffer = b;
    blocks[b].bytes = (program.buffers[b].bytes + kAlignment - 1) / kAlignment * kAlignment;
    blocks[b].kept = b < kept.size() && kept[b];
  }
  std::erase_if(blocks, [&](const Block& block) {
    return program.buffers[block.buffer].home != home || (block.touched.empty() && !block.kept);
  });
  std::ranges::stable_sort(blocks, [](const Block& a, const Block& b) { return a.bytes > b.bytes; });
  return blocks;
}

}  // namespace

Schedule make_schedule(const Program& program, std::size_t lanes) {
  const Needs needs = dependencies(program);
  Schedule schedule;
  schedule.lanes = std::max<std::size_t>(lanes, 1);
  const auto lane = choose_lanes(program, needs, schedule.lanes);
  std::vector<std::optional<std::size_t>> last(schedule.lanes);
  Order order(program.steps.size());
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    Schedule::Place place;
    place.lane = lane[s];
    if (last[lane[s]]) order.add(s, *last[lane[s]]);
    for (auto need = needs[s].rbegin(); need != needs[s].rend(); ++need) {
      if (lane[*need] == place.lane || order.before(*need, s)) continue;
      order.add(s, *need);
      place.waits_for.push_back(*need);
    }
    last[lane[s]] = s;
    schedule.places.push_back(std::move(place));
  }
  return schedule;
}

ArenaPlan plan_arena(const Program& program, const Schedule& schedule, Home home, const std::vector<bool>& kept) {
  const Order order = order_of(program, schedule);
  ArenaPlan plan;
  plan.offsets.assign(program.buffers.size(), -1);
  std::vector<Block> placed;  // by offset
  for (Block& block : blocks_of(program, home, kept)) {
    for (const Block& other : placed) {
      if (other.offset + other.bytes <= block.offset || may_share(block, other, order)) continue;
      if (block.offset + block.bytes <= other.offset) break;
      block.offset = other.offset + other.bytes;
    }
    plan.offsets[block.buffer] = block.offset;
    plan.bytes = std::max(plan.bytes, block.offset + block.bytes);
    const auto after = std::ranges::upper_bound(placed, block.offset, {}, &Block::offset);
    placed.insert(after, std::move(block));
  }
  return plan;
}

}  // namespace comfystream::backend::cuda
