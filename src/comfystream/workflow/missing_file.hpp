// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/model_folders.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace comfystream::workflow {

/// The model files at hand that an engine may have been built from.
[[nodiscard]] std::vector<std::filesystem::path> engine_sources(const ModelFolders& folders);

/// What to do about a file of the folder `folder` that a workflow names and that is not there: where to put it, or for
/// an engine the command that builds it (from the checkpoint at hand that it looks to be made of). `name` comes from
/// anywhere and may be no name at all.
[[nodiscard]] std::string missing_file_hint(const ModelFolders& folders, const std::string& folder,
                                            const std::string& name);

}  // namespace comfystream::workflow
