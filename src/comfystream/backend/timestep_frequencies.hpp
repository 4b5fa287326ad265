// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/op.hpp"

#include <vector>

namespace comfystream::backend {

/// The dim / 2 frequencies max_period^(-i / (dim / 2 - shift)) of a timestep embedding, rounded at each step as
/// diffusers' float32 tensors are: large timesteps multiply a frequency's last bit into the sinusoid, so every backend
/// takes them from here.
[[nodiscard]] std::vector<float> timestep_frequencies(const graph::TimestepEmbeddingAttrs& attrs);

}  // namespace comfystream::backend
