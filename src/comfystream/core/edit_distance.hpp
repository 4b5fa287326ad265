// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace comfystream {

/// Levenshtein's distance: single letters to insert, delete or replace.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace comfystream
