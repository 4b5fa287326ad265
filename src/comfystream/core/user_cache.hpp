// SPDX-License-Identifier: Apache-2.0
// What is kept between runs to save time. Losing any of it costs time only, so nothing here is an error.
#pragma once

#include <filesystem>
#include <functional>
#include <ostream>

namespace comfystream {

/// $XDG_CACHE_HOME/comfystream, else ~/.cache/comfystream; empty where neither is known.
[[nodiscard]] std::filesystem::path user_cache_folder();

/// Puts what `write` writes in the place of `file`, and makes its folder. A reader never sees half a file: where not
/// all could be written, what was there stays, and the answer is false.
bool replace_cache_file(const std::filesystem::path& file, const std::function<void(std::ostream&)>& write);

}  // namespace comfystream
