// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/fingerprint.hpp"

#include "comfystream/graph/node_key.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace comfystream::graph {
namespace {

// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators": the finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::uint64_t state, std::string_view bytes) {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15U;
  state = mix(state + kGolden + bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
    state = mix(state + kGolden + word);
  }
  return state;
}

}  // namespace

std::uint64_t structure_fingerprint(const Graph& graph) {
  std::uint64_t state = 0;
  for (const auto& node : graph.nodes()) state = hash(state, node_key(node, node.operands));
  for (const auto& output : graph.outputs()) state = hash(state, output.name + "=" + std::to_string(output.value.id));
  return state;
}

}  // namespace comfystream::graph
