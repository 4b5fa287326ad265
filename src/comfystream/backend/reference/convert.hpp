// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstddef>
#include <cstdint>

namespace comfystream::backend::reference {

/// Converts `count` elements as the cast operation does: float to integer truncates towards zero and saturates, NaN
/// becomes 0; to bool anything but 0 is true; between integers the value wraps.
void convert_elements(DType from, const std::byte* in, DType to, std::byte* out, std::int64_t count);

}  // namespace comfystream::backend::reference
