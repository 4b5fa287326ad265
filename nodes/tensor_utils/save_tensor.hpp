// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/tensor_utils/save_frames.hpp"

namespace comfystream::nodes {

/// The live output.
class SaveTensor final : public SaveFrames {
 public:
  SaveTensor();
};

}  // namespace comfystream::nodes
