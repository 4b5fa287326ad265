// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/backend.hpp"
#include "comfystream/error.hpp"

#include <cstring>
#include <string>

namespace comfystream::backend {
namespace {

void check_input(const graph::Node& node, const Tensor& value, std::int64_t batch_size) {
  const Shape wanted = node.type.shape.at(batch_size);
  if (value.dtype() == node.type.dtype && value.shape() == wanted) return;
  throw Error(ErrorCode::kInvalidArgument, "input " + node.name + " takes " + std::string(to_string(node.type.dtype)) +
                                               " " + wanted.to_string() + ", not " +
                                               std::string(to_string(value.dtype())) + " " + value.shape().to_string());
}

}  // namespace

std::vector<Tensor> run_once(Executable& executable, const graph::Graph& graph, std::span<const Tensor> inputs,
                             std::int64_t batch_size) {
  if (inputs.size() != graph.inputs().size()) {
    throw Error(ErrorCode::kInvalidArgument, "the graph has " + std::to_string(graph.inputs().size()) + " inputs, " +
                                                 std::to_string(inputs.size()) + " were given");
  }
  const auto slot = executable.make_slot();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_input(graph.node(graph.inputs()[i]), inputs[i], batch_size);
    const auto memory = slot->input(i);
    const auto bytes = inputs[i].bytes();
    if (bytes.size() > memory.size()) {
      throw Error(ErrorCode::kInvalidArgument, "a batch of " + std::to_string(batch_size) + " is above the largest");
    }
    if (!bytes.empty()) std::memcpy(memory.data(), bytes.data(), bytes.size());
  }
  executable.enqueue(*slot, batch_size);
  executable.wait(*slot);
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const auto& type = graph.type(graph.outputs()[i].value);
    Tensor result(type.dtype, type.shape.at(batch_size));
    const auto bytes = result.mutable_bytes();
    if (!bytes.empty()) std::memcpy(bytes.data(), slot->output(i).data(), bytes.size());
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace comfystream::backend
