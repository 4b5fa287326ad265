// SPDX-License-Identifier: Apache-2.0
// Between JSON text and values.
#pragma once

#include "comfystream/workflow/workflow.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace comfystream::workflow {

/// Values nested deeper than this are refused: what walks them may then recurse.
inline constexpr std::size_t kDeepestJson = 64;

/// Throws Error(kInvalidArgument) "ORIGIN:LINE:COLUMN: ..." for text that is no JSON, not UTF-8, or nested too deep or
/// with more than 10,000 items in one list or object.
[[nodiscard]] Json parse_json(std::string_view text, const std::string& origin);
[[nodiscard]] std::optional<Json> try_parse_json(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace comfystream::workflow
