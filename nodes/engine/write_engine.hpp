// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/engine/profile.hpp"
#include "comfystream/workflow/node.hpp"

namespace comfystream::nodes {

/// What the two conversion nodes ask for: the engine of input "model", named after "filename_prefix" as ComfyUI's
/// TensorRT nodes name theirs, in ComfyUI's output folder (beside the models folder), where TensorRTLoader looks too.
/// Error(kValidation) where the model is an engine already, or the prefix leaves that folder.
void write_unet_engine(workflow::NodeContext& context, const engine::EngineProfile& profile, bool is_static);

}  // namespace comfystream::nodes
