// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace comfystream::models {

/// The text of open_clip's bpe_simple_vocab_16e6.txt, from the file itself or its .gz (told by the contents). A missing
/// file is an Error(kNotFound) with the command that fetches it; damage (size, checksum) is Error(kCorruptFile).
[[nodiscard]] std::string read_clip_vocabulary(const std::filesystem::path& path);

}  // namespace comfystream::models
