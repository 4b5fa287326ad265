// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/program.hpp"

#include <algorithm>
#include <cstring>

namespace comfystream::backend::reference {
namespace {

TensorType concrete(const graph::ValueType& type, std::int64_t batch_size) {
  return {type.dtype, type.shape.at(batch_size)};
}

std::size_t bytes_of(const TensorType& type) {
  return static_cast<std::size_t>(type.shape.elements()) * size_of(type.dtype);
}

// Borrowed weights may lie at any address; kernels read typed memory.
Tensor aligned_constant(const Tensor& value) {
  const auto address = reinterpret_cast<std::uintptr_t>(value.bytes().data());
  return address % size_of(value.dtype()) == 0 ? value : value.clone();
}

}  // namespace

Program::Program(const graph::Graph& graph, const graph::MemoryPlan& plan, std::int64_t batch_size,
                 std::int64_t max_batch)
    : arena_bytes_(aligned(static_cast<std::size_t>(plan.arena_bytes))) {
  const auto places = place_values(graph, plan);
  std::size_t scratch_bytes = 0;
  std::size_t most_operands = 0;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto& node = graph.nodes()[i];
    if (node.operands.empty()) continue;
    Site site{node, {}, concrete(node.type, batch_size), batch_size, max_batch};
    Step step;
    for (const auto operand : node.operands) {
      site.operands.push_back(concrete(graph.type(operand), batch_size));
      step.operands.push_back(places[operand.id]);
    }
    step.kernel = make_kernel(site);
    step.result = places[i];
    scratch_bytes = std::max(scratch_bytes, step.kernel.scratch_bytes);
    most_operands = std::max(most_operands, step.operands.size());
    steps_.push_back(std::move(step));
  }
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const auto value = graph.outputs()[i].value;
    const Place& place = places[value.id];
    if (place.home == Home::kOutput && place.index == i) continue;
    copies_.push_back({place, i, bytes_of(concrete(graph.type(value), batch_size))});
  }
  pointer_bytes_ = aligned(most_operands * sizeof(const std::byte*));
  workspace_bytes_ = arena_bytes_ + pointer_bytes_ + aligned(scratch_bytes);
}

std::vector<Program::Place> Program::place_values(const graph::Graph& graph, const graph::MemoryPlan& plan) {
  std::vector<Place> places(graph.nodes().size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& node = graph.nodes()[i];
    if (node.kind == graph::OpKind::kConstant) {
      constants_.push_back(aligned_constant(std::get<graph::ConstantAttrs>(node.attrs).value));
      places[i] = {Home::kConstant, 0, constants_.back().bytes().data()};
    } else if (plan.offsets[i] != graph::MemoryPlan::kNotInArena) {
      places[i] = {Home::kArena, static_cast<std::size_t>(plan.offsets[i]), nullptr};
    }
  }
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) places[graph.inputs()[i].id] = {Home::kInput, i, nullptr};
  for (std::size_t i = 0; i < graph.parameters().size(); ++i) {
    places[graph.parameters()[i].id] = {Home::kParameter, i, nullptr};
  }
  // A computed value is made in the memory of the first output that shows it; further ones copy it from there.
  for (std::size_t i = graph.outputs().size(); i-- > 0;) {
    const auto value = graph.outputs()[i].value;
    if (!graph.node(value).operands.empty()) places[value.id] = {Home::kOutput, i, nullptr};
  }
  return places;
}

const std::byte* Program::resolve(const Place& place, const Bindings& bindings, const std::byte* arena) {
  switch (place.home) {
    case Home::kConstant:
      return place.address;
    case Home::kInput:
      return bindings.inputs[place.index];
    case Home::kParameter:
      return bindings.parameters[place.index];
    case Home::kOutput:
      return bindings.outputs[place.index];
    case Home::kArena:
      return arena + place.index;
  }
  return nullptr;
}

void Program::run(const Bindings& bindings, std::byte* workspace) const {
  auto* pointers = reinterpret_cast<const std::byte**>(workspace + arena_bytes_);
  for (const auto& step : steps_) {
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      pointers[i] = resolve(step.operands[i], bindings, workspace);
    }
    std::byte* out =
        step.result.home == Home::kOutput ? bindings.outputs[step.result.index] : workspace + step.result.index;
    step.kernel.run({{pointers, step.operands.size()}, out, workspace + arena_bytes_ + pointer_bytes_});
  }
  for (const auto& copy : copies_) {
    if (copy.bytes != 0)
      std::memcpy(bindings.outputs[copy.output], resolve(copy.from, bindings, workspace), copy.bytes);
  }
}

}  // namespace comfystream::backend::reference
