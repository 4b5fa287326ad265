// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/notifier.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace comfystream::python {

void Notifier::add(int descriptor) {
  const std::lock_guard lock(mutex_);
  descriptors_.push_back(descriptor);
}

void Notifier::remove(int descriptor) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(descriptors_, descriptor);
}

void Notifier::notify() noexcept {
  const std::lock_guard lock(mutex_);
  const std::uint64_t one = 1;
  for (const int descriptor : descriptors_) {
    // It only fails when the counter is full, and then the descriptor is readable.
    [[maybe_unused]] const auto written = write(descriptor, &one, sizeof one);
  }
}

Signal::Signal(std::shared_ptr<Notifier> notifier)
    : notifier_(std::move(notifier)), descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (descriptor_ < 0) {
    throw Error(ErrorCode::kIo, std::string("no file descriptor for an event loop: ") + std::strerror(errno),
                "close clients that are no longer used, or raise the limit (ulimit -n)");
  }
  notifier_->add(descriptor_);
}

void Signal::clear() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = read(descriptor_, &count, sizeof count);
}

void Signal::close() noexcept {
  if (descriptor_ < 0) return;
  notifier_->remove(descriptor_);
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace comfystream::python
