// SPDX-License-Identifier: Apache-2.0
// ComfyUI's messages show values as Python writes them.
#pragma once

#include "comfystream/workflow/workflow.hpp"

#include <string>

namespace comfystream::workflow {

/// str(value): "None", "True", "1.0", "1e-05", text as it is, "['a', 1]", "{'a': None}".
[[nodiscard]] std::string python_str(const Json& value);
/// repr(value): the same, with text in quotes.
[[nodiscard]] std::string python_repr(const Json& value);
/// type(value).__name__: "NoneType", "bool", "int", "float", "str", "list", "dict".
[[nodiscard]] std::string python_type_name(const Json& value);

}  // namespace comfystream::workflow
