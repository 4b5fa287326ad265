// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace comfystream {

enum class DType : std::uint8_t { kF32, kF16, kBF16, kU8, kI32, kI64, kBool };

/// Bytes of one element.
[[nodiscard]] std::size_t size_of(DType dtype) noexcept;
/// "f32", "f16", "bf16", "u8", "i32", "i64", "bool".
[[nodiscard]] std::string_view to_string(DType dtype) noexcept;
[[nodiscard]] bool is_floating(DType dtype) noexcept;

/// IEEE 754 binary16 and bfloat16 conversions, round to nearest even; NaN stays NaN.
[[nodiscard]] float half_to_float(std::uint16_t bits) noexcept;
[[nodiscard]] std::uint16_t float_to_half(float value) noexcept;
[[nodiscard]] float bfloat16_to_float(std::uint16_t bits) noexcept;
[[nodiscard]] std::uint16_t float_to_bfloat16(float value) noexcept;

}  // namespace comfystream
