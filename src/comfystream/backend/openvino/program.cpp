// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/program.hpp"

#include "comfystream/backend/openvino/types.hpp"
#include "comfystream/error.hpp"

#include <algorithm>

#include <openvino/runtime/infer_request.hpp>

namespace comfystream::backend::openvino {
namespace {

std::vector<Port> ports_of(const graph::Graph& graph, const std::vector<graph::Value>& values) {
  std::vector<Port> ports;
  for (const graph::Value value : values) {
    ports.push_back({graph.node(value).name, graph.type(value)});
  }
  return ports;
}

ParameterVersion make_version(Tensor value, const graph::ValueType& type, std::int64_t max_batch) {
  std::byte* data = value.mutable_bytes().data();
  return {std::move(value), BatchViews(data, type, max_batch)};
}

}  // namespace

Program::Program(ov::CompiledModel compiled, std::vector<Tensor> weights, const graph::Graph& graph,
                 std::int64_t max_batch, bool has_batch_probe, bool profiled)
    : weights_(std::move(weights)),
      compiled_(std::move(compiled)),
      max_batch_(max_batch),
      profiled_(profiled),
      inputs_(ports_of(graph, graph.inputs())),
      parameter_ports_(ports_of(graph, graph.parameters())),
      parameters_(parameter_ports_.size()) {
  for (const graph::Output& output : graph.outputs()) {
    outputs_.push_back({output.name, graph.type(output.value)});
  }
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    const graph::Node& node = graph.node(graph.parameters()[index]);
    const Tensor& initial = std::get<graph::ParameterAttrs>(node.attrs).initial;
    set_parameter(index, initial.empty() ? Tensor(node.type.dtype, node.type.shape.at(max_batch)) : initial);
  }
  if (has_batch_probe) {
    const graph::ValueType type{DType::kU8, graph::SymShape{graph::kBatch}};
    batch_probe_ = make_version(Tensor(DType::kU8, Shape{max_batch}), type, max_batch);
  }
}

ov::InferRequest Program::new_request() { return compiled_.create_infer_request(); }

void Program::set_parameter(std::size_t index, const Tensor& value) {
  if (index >= parameter_ports_.size()) {
    throw Error(ErrorCode::kInvalidArgument, "openvino: no parameter " + std::to_string(index) + "; the graph has " +
                                                 std::to_string(parameter_ports_.size()));
  }
  const Port& port = parameter_ports_[index];
  const Shape wanted = port.type.shape.at(max_batch_);
  if (value.dtype() != port.type.dtype || value.shape() != wanted) {
    throw Error(ErrorCode::kInvalidArgument, "openvino: parameter '" + port.name + "' is " +
                                                 std::string(to_string(port.type.dtype)) + " " + wanted.to_string() +
                                                 ", given " + std::string(to_string(value.dtype())) + " " +
                                                 value.shape().to_string());
  }
  auto version = std::make_shared<const ParameterVersion>(make_version(value.clone(), port.type, max_batch_));
  const std::lock_guard lock(mutex_);
  parameters_[index].swap(version);
}

void Program::snapshot(std::span<std::shared_ptr<const ParameterVersion>> versions) const {
  const std::lock_guard lock(mutex_);
  std::ranges::copy(parameters_, versions.begin());
}

std::chrono::steady_clock::time_point Program::exchange_last_end(std::chrono::steady_clock::time_point now) {
  using Clock = std::chrono::steady_clock;
  return Clock::time_point(Clock::duration(last_end_.exchange(now.time_since_epoch().count())));
}

void Program::note_times(std::map<std::string, std::chrono::nanoseconds> by_scope) {
  const std::lock_guard lock(mutex_);
  times_ = std::move(by_scope);
}

std::map<std::string, std::chrono::nanoseconds> Program::times() const {
  const std::lock_guard lock(mutex_);
  return times_;
}

}  // namespace comfystream::backend::openvino
