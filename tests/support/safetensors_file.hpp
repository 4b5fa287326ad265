// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace comfystream::tests {

/// The bytes of a safetensors file: `header` as it is, with its length before it (or `claimed`), and `data` zeros.
inline std::string safetensors_file(std::string_view header, std::size_t data, std::uint64_t claimed = 0) {
  const std::uint64_t length = claimed == 0 ? header.size() : claimed;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFF);
  return bytes.append(header).append(data, '\0');
}

}  // namespace comfystream::tests
