// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/tensor_utils/load_frames.hpp"

namespace comfystream::nodes {

/// The live input: the frames of the batch that runs, one unless batch_size says more.
class LoadTensor final : public LoadFrames {
 public:
  LoadTensor();
};

}  // namespace comfystream::nodes
