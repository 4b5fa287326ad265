// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/errors.hpp"

#include <sstream>

namespace comfystream::backend::openvino {
namespace {

/// OpenVINO's messages begin with lines such as "Exception from src/core/src/node.cpp:12:"; what is left says why.
std::string without_positions(const std::string& text) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("Exception from ")) {
      continue;
    }
    kept += (kept.empty() ? "" : " ") + line;
  }
  return kept.empty() ? text : kept;
}

std::string type_text(const graph::ValueType& type) {
  return std::string(to_string(type.dtype)) + " " + type.shape.to_string();
}

}  // namespace

std::string describe(const graph::Graph& graph, graph::Value value) {
  const graph::Node& node = graph.node(value);
  std::string text(graph::to_string(node.kind));
  for (std::size_t index = 0; index < node.operands.size(); ++index) {
    text += (index == 0 ? " of " : ", ") + type_text(graph.type(node.operands[index]));
  }
  text += " -> " + type_text(node.type);
  return node.scope.empty() ? text : text + " in " + node.scope;
}

Error backend_error(const std::string& doing, const std::exception& exception) {
  return {ErrorCode::kBackend, "openvino: " + doing + ": " + without_positions(exception.what())};
}

}  // namespace comfystream::backend::openvino
