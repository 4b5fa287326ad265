// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/tensor/dtype.hpp"
#include "comfystream/tensor/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::weights {

/// One tensor as a safetensors header lists it. Offsets count from the end of the header.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  ///< the file's word: "F32", "BF16", "F8_E4M3", ...
  Shape shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< by offset
  std::map<std::string, std::string, std::less<>> metadata;
  std::uint64_t data_begin = 0;  ///< where the header ends in the file
};

/// Our dtype for a safetensors word, nothing when we have none.
[[nodiscard]] std::optional<DType> safetensors_dtype(std::string_view word) noexcept;
/// Bytes of an element of any dtype that the format knows (0: not a dtype of the format).
[[nodiscard]] std::size_t safetensors_dtype_size(std::string_view word) noexcept;
/// The safetensors word for our dtype: "F32", "F16", "BF16", "U8", "I32", "I64", "BOOL".
[[nodiscard]] std::string_view safetensors_word(DType dtype) noexcept;

/// The largest header that the format allows.
inline constexpr std::uint64_t kMostSafetensorsHeaderBytes = 100'000'000;

/// Reads and checks everything about a file but its values: header length against the limit and the file's size, JSON
/// of exactly the format's structure (no duplicate keys, metadata of strings only), dtypes, shapes whose byte count
/// does not overflow, offsets that match it, lie in the file and cover it without overlap or hole. `file` is the whole
/// file and `name` its path for messages. Error(kCorruptFile) says which rule is broken, and where.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, std::string_view name);

}  // namespace comfystream::weights
