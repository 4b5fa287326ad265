// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>

namespace comfystream::tests {

/// Where the CLIP vocabulary is for tests: $COMFYSTREAM_CLIP_VOCABULARY, else the wheel in the project's .venv. Empty
/// when set-up (./test) has not fetched it.
inline std::filesystem::path clip_vocabulary() {
  if (const char* given = std::getenv("COMFYSTREAM_CLIP_VOCABULARY")) return given;
  const std::filesystem::path lib = std::filesystem::path(COMFYSTREAM_SOURCE_DIR) / ".venv" / "lib";
  std::error_code none;
  for (const auto& python : std::filesystem::directory_iterator(lib, none)) {
    auto file = python.path() / "site-packages" / "open_clip" / "bpe_simple_vocab_16e6.txt.gz";
    if (std::filesystem::exists(file)) return file;
  }
  return {};
}

}  // namespace comfystream::tests
