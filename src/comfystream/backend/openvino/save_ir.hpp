// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstdint>
#include <filesystem>

namespace comfystream::backend {

/// Writes the model that the OpenVINO backend would compile for `graph` as OpenVINO IR: `xml` and, beside it, the
/// weights as .bin. Weights keep their dtype. For looking at networks and measuring against OpenVINO's own programs.
void save_ir(const graph::Graph& graph, std::int64_t max_batch, const std::filesystem::path& xml);

}  // namespace comfystream::backend
