// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/still_image.hpp"
#include "comfystream/tensor/tensor.hpp"
#include "comfystream/workflow/node.hpp"

namespace comfystream::nodes {

/// The file that the node's input "image" names, among the input pictures. Throws what ModelFolders and the decoder
/// throw.
[[nodiscard]] media::StillImageF32 load_input_image(const workflow::NodeContext& context);

/// 1 - alpha as [1, H, W]; nothing where the picture has no alpha channel.
[[nodiscard]] std::optional<Tensor> transparency(const media::StillImageF32& image);

}  // namespace comfystream::nodes
