// SPDX-License-Identifier: Apache-2.0
// The part of the ZIP format (PKWARE's APPNOTE 6.3) that PyTorch writes: one disk, stored entries, zip64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace comfystream::weights {

/// The entries of an archive in memory, their contents in place. Borrows the archive's bytes.
class ZipReader {
 public:
  /// Reads the central directory. Error(kCorruptFile) when the archive contradicts itself: offsets outside it, a name
  /// that stands twice, sizes that differ between the two headers of an entry.
  ZipReader(std::span<const std::byte> archive, std::string name);

  /// Contents of an entry. Error(kNotFound) without one, Error(kUnsupported) when it is compressed or encrypted.
  [[nodiscard]] std::span<const std::byte> at(std::string_view entry) const;
  [[nodiscard]] bool contains(std::string_view entry) const { return entries_.find(entry) != entries_.end(); }
  /// The one entry of that ending, such as "/data.pkl"; empty when there is none.
  [[nodiscard]] std::string find_ending(std::string_view ending) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    std::uint64_t packed_size = 0;
    std::uint64_t size = 0;
    std::uint64_t header = 0;  ///< where its local header stands
  };
  struct Directory {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t count = 0;
  };

  [[nodiscard]] Directory find_directory() const;
  [[nodiscard]] Directory find_zip64_directory(std::size_t end_record) const;
  void read_directory(const Directory& directory);
  [[noreturn]] void corrupt(const std::string& problem) const;

  std::span<const std::byte> archive_;
  std::string name_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace comfystream::weights
