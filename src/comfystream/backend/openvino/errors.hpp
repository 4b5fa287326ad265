// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/graph/graph.hpp"

#include <string>

#include <openvino/core/except.hpp>

namespace comfystream::backend::openvino {

/// "conv2d of f32 [N, 3, 8, 8], f32 [4, 3, 3, 3] -> f32 [N, 4, 8, 8] in KSampler#7/unet"
[[nodiscard]] std::string describe(const graph::Graph& graph, graph::Value value);

/// "openvino: <doing>: <the reason in OpenVINO's words>", without its source positions.
[[nodiscard]] Error backend_error(const std::string& doing, const std::exception& exception);

}  // namespace comfystream::backend::openvino
