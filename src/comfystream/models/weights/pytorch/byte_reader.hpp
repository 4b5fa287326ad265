// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace comfystream::weights {

/// Little-endian numbers and runs of bytes out of a buffer of unknown honesty: every read is checked.
/// Error(kCorruptFile) names `what` the bytes are part of. Borrows both.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - position_; }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > left()) {
      throw Error(ErrorCode::kCorruptFile, std::string(what_) + " ends too early: " + std::to_string(count) +
                                               " bytes wanted at byte " + std::to_string(position_) + ", " +
                                               std::to_string(left()) + " there");
    }
    const auto taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
    position_ += taken.size();
    return taken;
  }
  template <std::unsigned_integral T>
  T number() {
    const auto taken = take(sizeof(T));
    T value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 7 << 1 | std::to_integer<T>(taken[i]));
    return value;
  }
  std::string_view text(std::uint64_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  /// Up to and without the next line feed, which is passed over.
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, left());
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) take(static_cast<std::uint64_t>(left()) + 1);
    position_ += end + 1;
    return rest.substr(0, end);
  }
  void skip(std::uint64_t count) { (void)take(count); }

 private:
  std::span<const std::byte> bytes_;
  std::string_view what_;
  std::size_t position_ = 0;
};

}  // namespace comfystream::weights
