// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/tensor_utils/load_frames.hpp"

namespace comfystream::nodes {

/// The live input: up to batch_size frames that run together.
class LoadBatchTensor final : public LoadFrames {
 public:
  LoadBatchTensor();
};

}  // namespace comfystream::nodes
