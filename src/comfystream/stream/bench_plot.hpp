// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/stream/batch_bench.hpp"

#include <span>
#include <string>
#include <string_view>

namespace comfystream::stream {

/// A picture (SVG) of frames a second and latency against batch size, medians with the rounds' spread, under `title`.
/// `rows` holds at least one size, sizes ascending.
[[nodiscard]] std::string to_svg(std::span<const BenchRow> rows, std::string_view title);

}  // namespace comfystream::stream
