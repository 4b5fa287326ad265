// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"

#include <cstdint>
#include <optional>

namespace comfystream::media {

/// A frame's number as a block of black and white squares in the top left corner, for proving that frames in are frames
/// out and in order. Layout, 5 columns by 4 rows of squares with a side of min(width, height) / 32 pixels (4 at least),
/// in reading order: one white, one black square (the reference), 16 bits of the number with the highest first (white
/// is 1), the parity of the even bits, the parity of the odd bits. Survives compression, scaling of both axes alike,
/// changes of brightness and colour, and inversion; neither cropping of the corner nor a network that repaints it.
inline constexpr int kMarkColumns = 5;
inline constexpr int kMarkRows = 4;

/// Draws `number` modulo 65536. Does nothing to a picture that is too small for the block.
void draw_frame_mark(Picture& picture, std::uint64_t number) noexcept;

/// The number, or nothing when the corner holds no block that can be read with certainty.
[[nodiscard]] std::optional<std::uint16_t> read_frame_mark(const Picture& picture) noexcept;

}  // namespace comfystream::media
