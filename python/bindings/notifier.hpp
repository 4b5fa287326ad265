// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace comfystream::python {

/// Tells event loops that something changed, without taking Python's lock: each has a file descriptor (eventfd) that
/// becomes readable. Any thread; never blocks.
class Notifier {
 public:
  void add(int descriptor);
  void remove(int descriptor) noexcept;
  void notify() noexcept;

 private:
  std::mutex mutex_;
  std::vector<int> descriptors_;
};

/// One event loop's descriptor, told by a notifier until close().
class Signal {
 public:
  /// Error(kIo) when the system has no descriptor left.
  explicit Signal(std::shared_ptr<Notifier> notifier);
  ~Signal() { close(); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Not readable again until the next notify().
  void clear() const noexcept;
  void close() noexcept;

 private:
  std::shared_ptr<Notifier> notifier_;
  int descriptor_ = -1;
};

}  // namespace comfystream::python
