// SPDX-License-Identifier: Apache-2.0
// What to do when a file is not there or is not an engine: names and commands to copy.
#pragma once

#include "comfystream/models/engine/profile.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace comfystream::engine {

/// Names of files in `path`'s folder that are spelled most like its name, best first, at most four.
[[nodiscard]] std::vector<std::string> near_names(const std::filesystem::path& path);

/// The kind of network that an engine of that path would hold, by its folder and name.
[[nodiscard]] EngineKind kind_by_name(const std::filesystem::path& engine);

/// The checkpoint among `candidates` whose name has most in common with the engine's, nothing when none has much.
[[nodiscard]] std::optional<std::filesystem::path> likely_source(const std::filesystem::path& engine,
                                                                 std::span<const std::filesystem::path> candidates);

/// `comfystream engine build ...` that makes `engine` from `checkpoint` ("<the model it was made from>" without one),
/// quoted for a shell, with the profile that the engine's name speaks of, or a usual one.
[[nodiscard]] std::string build_command(const std::filesystem::path& engine,
                                        const std::optional<std::filesystem::path>& checkpoint);

}  // namespace comfystream::engine
