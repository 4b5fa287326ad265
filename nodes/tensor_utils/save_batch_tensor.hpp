// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/tensor_utils/save_frames.hpp"

namespace comfystream::nodes {

/// The live output of a batch, frame by frame.
class SaveBatchTensor final : public SaveFrames {
 public:
  SaveBatchTensor();
};

}  // namespace comfystream::nodes
