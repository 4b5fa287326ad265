// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/user_cache.hpp"

#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>

#include <unistd.h>

namespace comfystream {

std::filesystem::path user_cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::filesystem::path(cache) / "comfystream";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::filesystem::path(home) / ".cache" / "comfystream";
  }
  return {};
}

bool replace_cache_file(const std::filesystem::path& file, const std::function<void(std::ostream&)>& write) {
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  const std::filesystem::path written = file.string() + "." + std::to_string(getpid());
  {
    std::ofstream out(written, std::ios::binary);
    write(out);
    if (!out.flush()) return false;
  }
  std::filesystem::rename(written, file, failed);
  return !failed;
}

}  // namespace comfystream
