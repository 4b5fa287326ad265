// SPDX-License-Identifier: Apache-2.0
// The inputs that both conversion nodes have, with the ranges of ComfyUI's TensorRT nodes.
#pragma once

#include "comfystream/workflow/node_spec.hpp"

#include <string>
#include <utility>

namespace comfystream::nodes {

inline workflow::InputSpec batch_input(std::string name) { return workflow::int_input(std::move(name), 1, 1, 100, 1); }
/// Pixels.
inline workflow::InputSpec size_input(std::string name) {
  return workflow::int_input(std::move(name), 512, 256, 4096, 64);
}
/// Chunks of 77 tokens.
inline workflow::InputSpec context_input(std::string name) {
  return workflow::int_input(std::move(name), 1, 1, 128, 1);
}
inline workflow::InputSpec video_frames_input() {
  workflow::InputSpec input = workflow::int_input("num_video_frames", 14, 0, 1000, 1);
  input.tooltip = "Accepted for ComfyUI's workflows; only SVD models, which are not run here, have a use for it";
  return input;
}
inline workflow::InputSpec onnx_path_input() {
  workflow::InputSpec input = workflow::optional(workflow::string_input("onnx_model_path", ""));
  input.tooltip = "Accepted for ComfyStream's workflows; the engine is built from the model";
  return input;
}

}  // namespace comfystream::nodes
