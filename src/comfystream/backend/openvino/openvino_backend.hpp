// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"

#include <memory>

namespace comfystream::backend {

/// The whole graph as one ov::Model with a bounded dynamic batch on OpenVINO's CPU plugin (or `device`, e.g. "GPU"), in
/// f32. Weights are handed over without a copy and stay referenced for the executable's life.
[[nodiscard]] std::unique_ptr<Backend> make_openvino_backend(std::string device = "CPU");

}  // namespace comfystream::backend
