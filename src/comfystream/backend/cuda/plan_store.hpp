// SPDX-License-Identifier: Apache-2.0
// What libraries compile for a card, kept on disk between runs: cuDNN's plans, machine code of generated kernels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace comfystream::backend::cuda {

/// One file for each `key` (card and library versions) of named blobs, each with a checksum. Losing it costs time only:
/// a file that cannot be read or written is no error, and a blob that is damaged is not found. Safe from any thread.
class PlanStore {
 public:
  using Bytes = std::vector<std::uint8_t>;

  /// An empty folder keeps nothing on disk.
  PlanStore(const std::filesystem::path& folder, const std::string& key);

  [[nodiscard]] std::optional<Bytes> find(const std::string& name) const;
  void insert(const std::string& name, Bytes bytes);
  /// Writes all, beside what others have written meanwhile, when something is new; a reader never sees half a file.
  void save();

 private:
  void read();

  struct Blob {
    Bytes bytes;
    std::uint64_t checksum = 0;
  };
  std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, Blob> blobs_;
  bool changed_ = false;
};

}  // namespace comfystream::backend::cuda
