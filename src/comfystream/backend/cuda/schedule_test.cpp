// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/schedule.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace comfystream::backend::cuda {
namespace {

Step step(std::vector<int> reads, std::vector<int> writes) {
  Step s;
  s.reads = std::move(reads);
  s.writes = std::move(writes);
  return s;
}

/// Two long chains from one input that meet at the end.
Program two_branches(int length) {
  Program program;
  program.buffers.push_back({Home::kInput, 0, 1000});
  const auto chain = [&] {
    int last = 0;
    for (int i = 0; i < length; ++i) {
      program.buffers.push_back({Home::kArena, 0, 1000});
      const int next = static_cast<int>(program.buffers.size()) - 1;
      program.steps.push_back(step({last}, {next}));
      last = next;
    }
    return last;
  };
  const int a = chain();
  const int b = chain();
  program.buffers.push_back({Home::kOutput, 0, 1000});
  program.steps.push_back(step({a, b}, {static_cast<int>(program.buffers.size()) - 1}));
  return program;
}

// Whether step `earlier` is surely over when `later` starts.
bool ordered(const Schedule& schedule, std::size_t earlier, std::size_t later) {
  std::set<std::size_t> over;
  std::vector<std::size_t> open{later};
  while (!open.empty()) {
    const std::size_t s = open.back();
    open.pop_back();
    std::vector<std::size_t> before = schedule.places[s].waits_for;
    for (std::size_t p = s; p-- > 0;) {
      if (schedule.places[p].lane == schedule.places[s].lane) {
        before.push_back(p);
        break;
      }
    }
    for (const auto p : before) {
      if (over.insert(p).second) open.push_back(p);
    }
  }
  return over.contains(earlier);
}

TEST(Schedule, IndependentBranchesRunSideBySide) {
  const Program program = two_branches(20);
  const Schedule schedule = make_schedule(program, 3);
  std::set<std::size_t> lanes;
  for (const auto& place : schedule.places) lanes.insert(place.lane);
  EXPECT_EQ(lanes.size(), 2U);
  EXPECT_EQ(schedule.places[5].lane, schedule.places[19].lane);
  EXPECT_NE(schedule.places[5].lane, schedule.places[25].lane);
  EXPECT_TRUE(ordered(schedule, 19, 40));
  EXPECT_TRUE(ordered(schedule, 39, 40));
}

TEST(Schedule, ALateChainThatNeedsNothingRunsBesideTheFirst) {
  // A long chain with short detours, then one that starts from the input, then where they meet.
  Program program;
  const auto buffer = [&] {
    program.buffers.push_back({Home::kArena, 0, 1000});
    return static_cast<int>(program.buffers.size()) - 1;
  };
  program.buffers.push_back({Home::kInput, 0, 1000});
  int last = 0;
  for (int i = 0; i < 30; ++i) {
    const int detour = buffer();
    const int next = buffer();
    program.steps.push_back(step({last}, {detour}));
    program.steps.push_back(step({last, detour}, {next}));
    last = next;
  }
  const std::size_t first_end = program.steps.size();
  int other = 0;
  for (int i = 0; i < 20; ++i) {
    const int next = buffer();
    program.steps.push_back(step({other}, {next}));
    other = next;
  }
  program.steps.push_back(step({last, other}, {buffer()}));
  const Schedule schedule = make_schedule(program, 3);
  for (std::size_t s = 0; s < first_end; ++s) EXPECT_EQ(schedule.places[s].lane, 0U) << s;
  for (std::size_t s = first_end; s + 1 < program.steps.size(); ++s) EXPECT_EQ(schedule.places[s].lane, 1U) << s;
  EXPECT_EQ(schedule.places.back().waits_for, std::vector<std::size_t>{program.steps.size() - 2});
}

TEST(Schedule, OneLaneIsTheProgramsOrderInTwoBuffers) {
  const Program program = two_branches(20);
  const Schedule schedule = make_schedule(program, 1);
  for (const auto& place : schedule.places) EXPECT_TRUE(place.lane == 0 && place.waits_for.empty());
  EXPECT_LE(plan_arena(program, schedule, Home::kArena).bytes, 3 * 1024);
}

TEST(Schedule, NoTwoStepsShareMemoryUnlessOneIsOver) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    Program program;
    program.buffers.push_back({Home::kInput, 0, 64});
    for (int i = 0; i < 60; ++i) {
      std::vector<int> reads;
      reads.reserve(2);
      for (int k = 0; k < 2; ++k) reads.push_back(static_cast<int>(random() % program.buffers.size()));
      program.buffers.push_back({Home::kArena, 0, static_cast<std::int64_t>(random() % 4000 + 1)});
      program.steps.push_back(step(reads, {static_cast<int>(program.buffers.size()) - 1}));
    }
    const Schedule schedule = make_schedule(program, 3);
    const ArenaPlan plan = plan_arena(program, schedule, Home::kArena);
    for (std::size_t s = 0; s < program.steps.size(); ++s) {
      for (const int read : program.steps[s].reads) {
        if (read == 0) continue;
        EXPECT_TRUE(ordered(schedule, static_cast<std::size_t>(read - 1), s)) << read << " " << s;
      }
    }
    // Buffer b (> 0) is written by step b - 1.
    for (std::size_t a = 1; a < program.buffers.size(); ++a) {
      for (std::size_t b = a + 1; b < program.buffers.size(); ++b) {
        const bool overlap = plan.offsets[a] < plan.offsets[b] + program.buffers[b].bytes &&
                             plan.offsets[b] < plan.offsets[a] + program.buffers[a].bytes;
        if (!overlap) continue;
        for (std::size_t s = 0; s < program.steps.size(); ++s) {
          const auto& reads = program.steps[s].reads;
          const bool touches = s == a - 1 || std::ranges::find(reads, static_cast<int>(a)) != reads.end();
          EXPECT_TRUE(!touches || ordered(schedule, s, b - 1)) << a << " " << b << " " << s;
        }
      }
    }
  }
}

TEST(Schedule, KeptBuffersShareWithNobody) {
  const Program program = two_branches(6);
  std::vector<bool> kept(program.buffers.size(), false);
  kept[1] = kept[2] = true;
  const ArenaPlan plan = plan_arena(program, make_schedule(program, 1), Home::kArena, kept);
  for (std::size_t b = 3; b + 1 < program.buffers.size(); ++b) {
    EXPECT_NE(plan.offsets[b], plan.offsets[1]);
    EXPECT_NE(plan.offsets[b], plan.offsets[2]);
  }
}

}  // namespace
}  // namespace comfystream::backend::cuda
