// SPDX-License-Identifier: Apache-2.0
// graph::Graph to ov::Model.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <openvino/core/model.hpp>

namespace comfystream::backend::openvino {

/// Where an output of the graph comes from. OpenVINO lets an output that merely is an input share the input's memory,
/// and two outputs of one value share each other's, so such outputs are not the model's: their bytes are copied.
struct OutputRoute {
  enum class From : std::uint8_t { kModel, kInput, kParameter, kOutput };
  From from = From::kModel;
  std::size_t index = 0;  ///< of the model's output, or the graph's input, parameter or earlier output
};

/// A graph as OpenVINO sees it. The model's parameters are the graph's inputs, then its parameters, then, where no
/// source has a dimension of N to read the batch from, a u8 tensor of N elements whose values do not matter.
struct LoweredModel {
  std::shared_ptr<ov::Model> model;  ///< null when no output has to be computed
  std::vector<OutputRoute> routes;   ///< of the graph's outputs
  bool has_batch_probe = false;
};

/// Throws Error(kBackend) naming the op, its scope and shapes when OpenVINO refuses an operation.
[[nodiscard]] LoweredModel lower(const graph::Graph& graph, std::int64_t max_batch);

}  // namespace comfystream::backend::openvino
