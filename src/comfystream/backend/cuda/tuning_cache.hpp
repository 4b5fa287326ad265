// SPDX-License-Identifier: Apache-2.0
// Which algorithm was fastest for which problem, kept on disk between runs.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace comfystream::backend::cuda {

/// `key` as a file's name, without an ending.
[[nodiscard]] std::string cache_file_name(const std::string& key);

/// One file for each `key` (card and library versions): lines "problem<TAB>choice". Losing it costs time only, so a
/// file that cannot be read or written is no error. Safe from any thread.
class TuningCache {
 public:
  /// An empty folder keeps nothing on disk.
  TuningCache(const std::filesystem::path& folder, const std::string& key);

  [[nodiscard]] std::optional<std::string> find(const std::string& problem) const;
  void insert(const std::string& problem, const std::string& choice);
  /// Writes all, beside what others have written meanwhile; a reader never sees half a file.
  void save();

 private:
  void read();

  std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> choices_;
};

}  // namespace comfystream::backend::cuda
