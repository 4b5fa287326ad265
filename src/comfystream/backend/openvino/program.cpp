// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/program.hpp"

#include "comfystream/backend/backend.hpp"

#include <algorithm>
#include <set>

#include <openvino/runtime/infer_request.hpp>

namespace comfystream::backend::openvino {
namespace {

ParameterVersion make_version(Tensor value, const graph::ValueType& type, std::int64_t max_batch) {
  std::byte* data = value.mutable_bytes().data();
  return {std::move(value), BatchViews(data, type, max_batch)};
}

std::vector<std::string> first_scopes(const graph::Graph& graph) {
  std::set<std::string> scopes;
  for (const graph::Node& node : graph.nodes()) {
    scopes.insert(node.scope.substr(0, node.scope.find('/')));
  }
  scopes.erase("");
  return {scopes.begin(), scopes.end()};
}

}  // namespace

Program::Program(ov::CompiledModel compiled, const LoweredModel& lowered, graph::Graph graph, std::int64_t max_batch,
                 bool profiled)
    : graph_(std::move(graph)),
      compiled_(std::move(compiled)),
      max_batch_(max_batch),
      profiled_(profiled),
      scopes_(first_scopes(graph_)),
      routes_(lowered.routes),
      parameters_(graph_.parameters().size()) {
  for (const graph::Value input : graph_.inputs()) {
    inputs_.push_back(graph_.type(input));
  }
  for (const graph::Output& output : graph_.outputs()) {
    outputs_.push_back(graph_.type(output.value));
  }
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    set_parameter(index, initial_parameter(graph_, index, max_batch_));
  }
  if (lowered.has_batch_probe) {
    const graph::ValueType type{DType::kU8, graph::SymShape{graph::kBatch}};
    batch_probe_ = make_version(Tensor(DType::kU8, Shape{max_batch_}), type, max_batch_);
  }
}

ov::InferRequest Program::new_request() { return compiled_ ? compiled_.create_infer_request() : ov::InferRequest(); }

void Program::set_parameter(std::size_t index, const Tensor& value) {
  check_parameter(graph_, index, value, max_batch_);
  const graph::ValueType& type = graph_.type(graph_.parameters()[index]);
  auto version = std::make_shared<const ParameterVersion>(make_version(value.clone(), type, max_batch_));
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
