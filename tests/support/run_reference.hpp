// SPDX-License-Identifier: Apache-2.0
// Runs graphs on the reference backend, for tests.
#pragma once

#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/graph/graph.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace comfystream::tests {

using Parameters = std::map<std::string, Tensor>;

/// The graph's outputs. `parameters` are values by name, of `max_batch` slots where they have one row a slot; those
/// that the graph does not have are ignored.
inline std::vector<Tensor> run_reference(const graph::Graph& graph, const std::vector<Tensor>& inputs,
                                         std::int64_t batch_size, std::int64_t max_batch,
                                         const Parameters& parameters) {
  backend::CompileOptions options;
  options.max_batch = max_batch;
  const auto executable = backend::make_reference_backend()->compile(graph, options);
  for (std::size_t i = 0; i < graph.parameters().size(); ++i) {
    const auto found = parameters.find(graph.node(graph.parameters()[i]).name);
    if (found != parameters.end()) executable->set_parameter(i, found->second);
  }
  return backend::run_once(*executable, graph, inputs, batch_size);
}

inline std::vector<Tensor> run_reference(const graph::Graph& graph, const std::vector<Tensor>& inputs,
                                         std::int64_t batch_size) {
  return run_reference(graph, inputs, batch_size, batch_size, {});
}

/// The same type, shape and bytes.
inline bool identical(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.size_bytes() == 0 || std::memcmp(a.bytes().data(), b.bytes().data(), a.size_bytes()) == 0);
}

}  // namespace comfystream::tests
