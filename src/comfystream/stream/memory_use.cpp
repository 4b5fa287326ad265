// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/memory_use.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace comfystream::stream {
namespace {

std::uint64_t bytes_of(std::string_view status, std::string_view key) {
  const std::size_t found = status.find(key);
  if (found == std::string_view::npos) return 0;
  std::string_view rest = status.substr(found + key.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::uint64_t kibibytes = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), kibibytes);
  return kibibytes * 1024;
}

}  // namespace

MemoryUse parse_memory_use(std::string_view status) {
  return {bytes_of(status, "VmHWM:"), bytes_of(status, "RssAnon:"), bytes_of(status, "RssFile:"),
          bytes_of(status, "RssShmem:")};
}

MemoryUse read_memory_use() {
  const std::ifstream file("/proc/self/status");
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return parse_memory_use(text.str());
}

}  // namespace comfystream::stream
