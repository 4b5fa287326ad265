// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace comfystream::engine {

/// SHA-256 (NIST FIPS 180-4) of bytes that come in pieces. One use: update() any number of times, then finish() once.
class Sha256 {
 public:
  void update(std::span<const std::byte> bytes);
  /// The digest as 64 small hexadecimal digits.
  [[nodiscard]] std::string finish();

 private:
  static constexpr std::size_t kBlock = 64;

  void compress(const std::byte* block) noexcept;

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, kBlock> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;  ///< bytes so far
};

}  // namespace comfystream::engine
