// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/architectures/tensor_spec.hpp"

#include <cstdint>

namespace comfystream::weights {

/// Defaults are CLIP ViT-L/14's text encoder. Heads are width / 64.
struct ClipTextDims {
  std::int64_t vocabulary = 49408;
  std::int64_t positions = 77;
  std::int64_t width = 768;
  std::int64_t layers = 12;
  std::int64_t intermediate = 3072;
};

/// transformers' names: "text_model.embeddings.token_embedding.weight", ...
[[nodiscard]] TensorSpecs clip_text_tensors(const ClipTextDims& dims);

}  // namespace comfystream::weights
