// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace comfystream::weights {

/// A file's bytes, mapped read-only: pages come in when they are read and cost no memory of their own. Unmapped with
/// the last shared_ptr; tensors over it hold one. Immutable, safe from any thread. The file must not be shortened while
/// it is mapped (replacing it by rename, as our writers do, is fine).
class MappedFile {
 public:
  /// Error(kNotFound) when there is no such file, Error(kIo) when it is a folder or cannot be read.
  [[nodiscard]] static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Lets the system forget the pages that lie wholly in `range` (part of bytes()), once a backend has its own copy.
  /// They come back from the file if they are read again.
  void drop_pages(std::span<const std::byte> range) const noexcept;
  /// Tells the system that the whole file will be read soon, so that it reads ahead.
  void prefetch() const noexcept;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size);

  std::filesystem::path path_;
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace comfystream::weights
