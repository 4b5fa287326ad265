// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace comfystream {

/// First in, first out, in memory taken once. Has no lock: the owner guards it. T is default-constructible and movable;
/// an element that was popped is left moved-from in its place.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : items_(capacity) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return items_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == items_.size(); }

  /// Element `index` from the front. Precondition: index < size().
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return items_[position(index)]; }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return items_[position(index)]; }
  [[nodiscard]] T& front() noexcept { return items_[head_]; }
  [[nodiscard]] const T& front() const noexcept { return items_[head_]; }

  /// Precondition: not full.
  T& push(T item) noexcept {
    T& place = items_[position(size_)];
    place = std::move(item);
    ++size_;
    return place;
  }

  /// Precondition: not empty.
  T pop() noexcept {
    T item = std::move(items_[head_]);
    head_ = head_ + 1 == items_.size() ? 0 : head_ + 1;
    --size_;
    return item;
  }

  /// Takes memory for `capacity` elements and keeps those that are there; never shrinks.
  void reserve(std::size_t capacity) {
    if (capacity <= items_.size()) return;
    std::vector<T> larger(capacity);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    items_ = std::move(larger);
    head_ = 0;
  }

 private:
  [[nodiscard]] std::size_t position(std::size_t index) const noexcept {
    const std::size_t at = head_ + index;
    return at >= items_.size() ? at - items_.size() : at;
  }

  std::vector<T> items_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace comfystream
