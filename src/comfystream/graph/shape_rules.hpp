// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <span>

namespace comfystream::graph {

/// The result type of an operation on operands of these types: each op's shape rule and its errors. Throws
/// Error(kInvalidArgument) with the op's name and all operand shapes when the operation is ill-formed.
[[nodiscard]] ValueType infer_type(OpKind kind, const Attrs& attrs, std::span<const ValueType> operands);

}  // namespace comfystream::graph
