// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/backend.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace comfystream::backend {

Tensor initial_parameter(const graph::Graph& graph, std::size_t index, std::int64_t max_batch) {
  const auto& node = graph.node(graph.parameters().at(index));
  const Tensor& given = std::get<graph::ParameterAttrs>(node.attrs).initial;
  const Shape wanted = node.type.shape.at(max_batch);
  if (given.shape() == wanted) return given;
  Tensor value(given.dtype(), wanted);
  const auto from = given.bytes();
  const auto to = value.mutable_bytes();
  for (std::size_t at = 0; at < to.size() && !from.empty(); at += from.size()) {
    std::memcpy(to.data() + at, from.data(), std::min(from.size(), to.size() - at));
  }
  return value;
}

void check_parameter(const graph::Graph& graph, std::size_t index, const Tensor& value, std::int64_t max_batch) {
  if (index >= graph.parameters().size()) {
    throw Error(ErrorCode::kInvalidArgument, "there is no parameter " + std::to_string(index));
  }
  const auto& node = graph.node(graph.parameters()[index]);
  const Shape wanted = node.type.shape.at(max_batch);
  if (!value.empty() && value.dtype() == node.type.dtype && value.shape() == wanted) return;
  throw Error(ErrorCode::kInvalidArgument, "parameter " + node.name + " takes " +
                                               std::string(to_string(node.type.dtype)) + " " + wanted.to_string() +
                                               ", not " + std::string(to_string(value.dtype())) + " " +
                                               value.shape().to_string());
}

}  // namespace comfystream::backend
