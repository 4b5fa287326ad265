// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/mapped_file.hpp"

#include "comfystream/error.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace comfystream::weights {
namespace {

/// Closes a descriptor at the end of a scope; a mapping outlives the descriptor it was made from.
/// Opening does not wait for the other end of a pipe.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const noexcept { return value_; }

 private:
  int value_;
};

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  const std::string what = "cannot open '" + path.string() + "': " + std::strerror(error);
  if (error == ENOENT || error == ENOTDIR)
    throw Error(ErrorCode::kNotFound, what, "check the models folder and the name");
  throw Error(ErrorCode::kIo, what, "check that the file can be read by this user");
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file(path);
  if (file.value() < 0) fail(path, errno);
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) fail(path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kIo, "'" + path.string() + "' is not a file", "give the path of a model file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = nullptr;
  if (size > 0) {  // an empty mapping is an error to mmap, an empty file is not one here
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value(), 0);
    if (data == MAP_FAILED) fail(path, errno);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::drop_pages(std::span<const std::byte> range) const noexcept {
  if (range.data() < data_ || range.data() + range.size() > data_ + size_) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = (reinterpret_cast<std::uintptr_t>(range.data()) + page - 1) / page * page;
  const auto last = reinterpret_cast<std::uintptr_t>(range.data() + range.size()) / page * page;
  // Advice only: when the system refuses it, nothing but memory use changes.
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a page's address is found by rounding
  if (last > first) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

void MappedFile::prefetch() const noexcept {
  if (size_ > 0) ::madvise(const_cast<std::byte*>(data_), size_, MADV_WILLNEED);
}

}  // namespace comfystream::weights
