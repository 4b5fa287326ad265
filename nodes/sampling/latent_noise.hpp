// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/node.hpp"

#include <cstdint>

namespace comfystream::nodes {

inline constexpr std::int64_t kLatentChannels = 4;

/// The normal noise that `seed` gives `latent`, as the live value "noise" (ComfyUI's prepare_noise): [rows, 4, h, w].
/// One row for all frames unless the latent says otherwise. With noise_per_slot the rows of one draw for the largest
/// batch: where 4 * h * w is a multiple of 16, as in all usual sizes, a smaller batch drawn by itself begins with the
/// same rows, so that slot i gets what ComfyUI gives it in a batch of any size. With batch_index one draw after the
/// other, of which each row gets the one that its index names.
[[nodiscard]] graph::Value trace_noise(const workflow::NodeContext& context, const workflow::LatentValue& latent,
                                       std::uint64_t seed);

}  // namespace comfystream::nodes
