// SPDX-License-Identifier: Apache-2.0
// File names of engines, in the pattern of ComfyUI's TensorRT nodes, so that workflows find them. A name is for people:
// what an engine runs is read from the file, because names lie.
#pragma once

#include "comfystream/models/engine/profile.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace comfystream::engine {

/// "<prefix>[_<model type>]_$stat-b-2-h-512-w-512_00001_.engine" (the tuned values), or with "$dyn-b-1-8-2-h-...":
/// minimum, maximum and tuned value of each. `model_type` ("SD15") may be empty.
[[nodiscard]] std::string engine_file_name(std::string_view prefix, std::string_view model_type,
                                           const EngineProfile& profile, bool is_static, int counter);

/// One more than the largest counter of the names "<stem>_<counter>_*" in `folder`; 1 when there is none or no folder.
/// `stem` is a file name's part before the counter: "ComfyUI_STAT_$stat-b-1-h-512-w-512".
[[nodiscard]] int next_engine_counter(const std::filesystem::path& folder, std::string_view stem);

/// `folder` / engine_file_name() with the next free counter.
[[nodiscard]] std::filesystem::path next_engine_path(const std::filesystem::path& folder, std::string_view prefix,
                                                     std::string_view model_type, const EngineProfile& profile,
                                                     bool is_static);

/// The profile that a name of the pattern speaks of: a suggestion for messages, never the truth. Context is 1.
[[nodiscard]] std::optional<EngineProfile> profile_in_name(std::string_view file_name);

/// What stands before the pattern, or before the extension: "static-dreamshaper8_SD15".
[[nodiscard]] std::string_view prefix_of_name(std::string_view file_name) noexcept;

}  // namespace comfystream::engine
