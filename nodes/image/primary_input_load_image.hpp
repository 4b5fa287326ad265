// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nodes/image/load_image.hpp"

namespace comfystream::nodes {

/// ComfyStream's mark on the picture that becomes the live input when a workflow is converted; else a LoadImage.
class PrimaryInputLoadImage final : public LoadImage {
 public:
  PrimaryInputLoadImage();
};

}  // namespace comfystream::nodes
