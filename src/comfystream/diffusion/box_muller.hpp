// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

namespace comfystream::diffusion {

/// Eight uniform pairs made normal in place by Box and Muller's transform: element i of the first half and of the
/// second half, both in [0, 1), become sqrt(-2 ln(1 - u)) * (cos, sin)(2 pi v).
///
/// Bit for bit what PyTorch computes on x86 processors with AVX2, where logarithm, sine and cosine are the polynomials
/// of Cephes (S. Moshier, logf.c and sincosf) with fused multiply-adds. Elsewhere PyTorch calls the C library instead
/// and differs in the last bits.
void box_muller_16(std::span<float, 16> values) noexcept;

}  // namespace comfystream::diffusion
