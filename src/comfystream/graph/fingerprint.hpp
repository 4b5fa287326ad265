// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstdint>

namespace comfystream::graph {

/// Equal for two traces of a workflow that differ in the values of parameters alone: what a live update changes. All
/// else counts: operations, attributes, operands, types, the order and names of inputs, parameters and outputs, the
/// bodies of loops, and constants: by value up to 4 KiB, above that by the address of their buffer (weights come from a
/// cache, so equal models have equal addresses). Scopes and the names of constants do not count.
///
/// Because addresses count, compare fingerprints only while the constants of both graphs are alive: memory that was
/// given back may hold another model at the same address. 64 bits, not cryptographic.
[[nodiscard]] std::uint64_t structure_fingerprint(const Graph& graph);

}  // namespace comfystream::graph
