// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/cycles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Targets = std::vector<std::vector<std::size_t>>;

Targets cycles_of(const Targets& targets) {
  Targets cycles;
  find_cycles(targets, [&](std::span<const std::size_t> cycle) { cycles.emplace_back(cycle.begin(), cycle.end()); });
  return cycles;
}

TEST(Cycles, AreFoundFromTheVertexThatTheyLeadBackTo) {
  EXPECT_THAT(cycles_of({{1}, {2}, {3}, {1}}), ElementsAre(ElementsAre(1, 2, 3)));
  EXPECT_THAT(cycles_of({{0}}), ElementsAre(ElementsAre(0)));
  EXPECT_THAT(cycles_of({{1}, {0}, {3}, {2}}), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
}

TEST(Cycles, AreNotSeenWhereTwoWaysMeet) {
  EXPECT_THAT(cycles_of({{1, 2}, {3}, {3}, {}}), IsEmpty());
  EXPECT_THAT(cycles_of({}), IsEmpty());
}

TEST(Cycles, AreFoundAtTheEndOfAVeryLongChain) {
  constexpr std::size_t kLength = 200'000;
  Targets chain(kLength);
  for (std::size_t i = 0; i + 1 < kLength; ++i) chain[i] = {i + 1};
  EXPECT_THAT(cycles_of(chain), IsEmpty());
  chain.back() = {kLength - 2};
  EXPECT_THAT(cycles_of(chain), ElementsAre(ElementsAre(kLength - 2, kLength - 1)));
}

}  // namespace
}  // namespace comfystream::workflow
