// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/workflow_compiler.hpp"

#include <cstdlib>
#include <system_error>
#include <vector>

namespace comfystream::client {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "bpe_simple_vocab_16e6.txt.gz";

fs::path program_folder() {
  std::error_code failure;
  return fs::read_symlink("/proc/self/exe", failure).parent_path();
}

/// site-packages/open_clip of the first Python in `venv`.
fs::path in_virtual_environment(const fs::path& venv) {
  std::error_code failure;
  for (const auto& python : fs::directory_iterator(venv / "lib", failure)) {
    fs::path file = python.path() / "site-packages" / "open_clip" / kFile;
    if (fs::exists(file, failure)) return file;
  }
  return {};
}

}  // namespace

std::filesystem::path find_clip_vocabulary(const std::filesystem::path& models) {
  if (const char* given = std::getenv("COMFYSTREAM_CLIP_VOCABULARY")) return given;
  const fs::path program = program_folder();
  std::error_code failure;
  for (const fs::path& file : {models / "clip" / kFile, program / ".." / "share" / "comfystream" / kFile}) {
    if (fs::exists(file, failure)) return file;
  }
  for (fs::path folder = program; folder.has_relative_path(); folder = folder.parent_path()) {
    fs::path file = in_virtual_environment(folder / ".venv");
    if (!file.empty()) return file;
  }
  return {};
}

}  // namespace comfystream::client
