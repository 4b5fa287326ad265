// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/disk_reserve.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace comfystream::media::gstreamer {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) noexcept : descriptor_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)) {
    regular_ = descriptor_ >= 0 && ::fstat(descriptor_, &status_) == 0 && S_ISREG(status_.st_mode);
  }
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  OpenFile(OpenFile&&) = delete;
  OpenFile& operator=(OpenFile&&) = delete;

  [[nodiscard]] bool regular() const noexcept { return regular_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] off_t size() const noexcept { return status_.st_size; }

 private:
  int descriptor_;
  bool regular_ = false;
  struct stat status_ {};
};

}  // namespace

bool reserve_disk(const std::string& path, std::uint64_t bytes) noexcept {
  const OpenFile file(path);
  if (!file.regular()) return true;
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      static_cast<std::uint64_t>(file.size()) + bytes > limit.rlim_cur) {
    return false;
  }
#ifdef __linux__
  if (::fallocate(file.descriptor(), FALLOC_FL_KEEP_SIZE, file.size(), static_cast<off_t>(bytes)) != 0) {
    return errno != ENOSPC && errno != EFBIG && errno != EDQUOT;
  }
#endif
  return true;
}

void release_disk(const std::string& path) noexcept {
  const OpenFile file(path);
  if (file.regular() && ::ftruncate(file.descriptor(), file.size()) != 0) return;
}

}  // namespace comfystream::media::gstreamer
