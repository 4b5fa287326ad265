// SPDX-License-Identifier: Apache-2.0
// What a node computes, as bytes that can be compared. Private to the graph layer.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <span>
#include <string>

namespace comfystream::graph {

/// Equal for two nodes exactly when they compute the same from the same operands; `operands` are the ids to use for the
/// node's. Kind, attributes, type, the names of inputs and parameters, and a constant's value up to kSmallConstant
/// bytes, else its buffer's address, count; scopes, the names of constants and the values of parameters do not. A
/// loop's body counts node by node.
[[nodiscard]] std::string node_key(const Node& node, std::span<const Value> operands);

/// Bytes up to which a constant is told by its value.
inline constexpr std::size_t kSmallConstant = 4096;

}  // namespace comfystream::graph
