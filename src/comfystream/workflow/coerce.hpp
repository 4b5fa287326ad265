// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/node_spec.hpp"

#include <string>

namespace comfystream::workflow {

/// What became of a literal: its value in the input's type, or why not.
struct Coerced {
  Json value;
  std::string text;     ///< the value as messages show it; of integers beyond 64 bits, which `value` cannot hold, too
  std::string problem;  ///< empty when it could be done; else the words of Python's int() or float()
};

/// `value` as Python's int(), float(), str() or bool() make it (the types that ComfyUI coerces); of other types,
/// itself. Numbers that are none (nan, infinity) are refused, which Python's float() is not above.
[[nodiscard]] Coerced coerce(const Json& value, InputKind kind);

/// a < b for any two numbers, exact over all 64-bit integers.
[[nodiscard]] bool number_less(const Json& a, const Json& b);

}  // namespace comfystream::workflow
