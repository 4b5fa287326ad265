// SPDX-License-Identifier: Apache-2.0
// Unicode properties for CLIP's tokenizer, sorted by code point. The data is generated: tools/make_unicode_tables.py.
#pragma once

#include <cstdint>
#include <span>

namespace comfystream::models::unicode {

struct CodeRange {
  std::uint32_t first, last;
};
/// Every `step`-th code point of first..last becomes itself plus `distance` in lower case.
struct LowerRun {
  std::uint32_t first, last, step;
  std::int32_t distance;
};
/// One step of canonical decomposition: code = first + second (0: a singleton).
struct Decomposition {
  std::uint32_t code, first, second;
};
/// A pair that NFC joins.
struct Composition {
  std::uint32_t first, second, code;
};
struct CombiningRun {
  std::uint32_t first, last, combining_class;
};

[[nodiscard]] std::span<const CodeRange> letter_table() noexcept;  ///< \p{L}
[[nodiscard]] std::span<const CodeRange> number_table() noexcept;  ///< \p{N}
[[nodiscard]] std::span<const CodeRange> space_table() noexcept;   ///< \s
[[nodiscard]] std::span<const LowerRun> lower_table() noexcept;
[[nodiscard]] std::span<const Decomposition> decomposition_table() noexcept;
[[nodiscard]] std::span<const Composition> composition_table() noexcept;  ///< sorted by the pair
[[nodiscard]] std::span<const CombiningRun> combining_table() noexcept;

}  // namespace comfystream::models::unicode
