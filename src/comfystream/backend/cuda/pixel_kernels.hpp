// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"

#include <cstddef>

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Copies `values` values of pixels from one format to the other, to the bit as stream::copy_pixels does: byte to float
/// is v / 255, float to byte is clamp(v * 255, 0, 255) with the fraction cut off. Both are the current device's memory.
void launch_convert_pixels(const std::byte* from, PixelFormat from_format, std::byte* to, std::size_t values,
                           cudaStream_t stream);

}  // namespace comfystream::backend::cuda
