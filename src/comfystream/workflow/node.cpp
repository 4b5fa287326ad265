// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/node.hpp"

#include "comfystream/error.hpp"
#include "comfystream/workflow/trace_state.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::workflow {
namespace {

const InputSpec* find_input(const NodeSpec& spec, std::string_view name) {
  const auto found = std::ranges::find(spec.inputs, name, &InputSpec::name);
  return found == spec.inputs.end() ? nullptr : &*found;
}

/// What the workflow says, or the default; null when there is neither.
const Json* literal(const WorkflowNode& node, const NodeSpec& spec, std::string_view name) {
  const auto given = node.inputs.find(name);
  if (given != node.inputs.end() && !as_link(*given)) return &*given;
  const InputSpec* input = find_input(spec, name);
  return input == nullptr || input->default_value.is_null() ? nullptr : &input->default_value;
}

}  // namespace

graph::Value raw_live_frames(TraceState& state) {
  if (!state.raw_frames) {
    const Size size = state.options.frames;
    const DType dtype = state.options.input == PixelFormat::kRgb8 ? DType::kU8 : DType::kF32;
    state.raw_frames = state.builder.input("frames", dtype, {state.frames, size.height, size.width, 3});
  }
  return *state.raw_frames;
}

const NodeValue* NodeContext::linked(std::string_view name) const {
  const auto given = node_->inputs.find(name);
  const auto link = given == node_->inputs.end() ? std::nullopt : as_link(*given);
  if (!link) return nullptr;
  const auto node = state_->values.find(link->node);
  if (node == state_->values.end() || link->output < 0 ||
      link->output >= static_cast<std::int64_t>(node->second.size())) {
    return nullptr;
  }
  return &node->second[static_cast<std::size_t>(link->output)];
}

void NodeContext::wrong_input(std::string_view name) const {
  const InputSpec* input = find_input(*spec_, name);
  const std::string wanted = input == nullptr ? std::string("another type") : input->type;
  const bool given = node_->inputs.contains(name);
  throw Error(
      ErrorCode::kValidation,
      "input '" + std::string(name) + "' " + (given ? "is not of type " + wanted : "is missing (type " + wanted + ")"),
      given ? "connect an output of type " + wanted : "connect or set it");
}

std::int64_t NodeContext::integer(std::string_view name) const {
  const Json* value = literal(*node_, *spec_, name);
  if (value == nullptr || !value->is_number()) wrong_input(name);
  return value->get<std::int64_t>();
}

std::uint64_t NodeContext::seed(std::string_view name) const {
  const Json* value = literal(*node_, *spec_, name);
  if (value == nullptr || !value->is_number()) wrong_input(name);
  return value->get<std::uint64_t>();
}

double NodeContext::number(std::string_view name) const {
  const Json* value = literal(*node_, *spec_, name);
  if (value == nullptr || !value->is_number()) wrong_input(name);
  return value->get<double>();
}

bool NodeContext::flag(std::string_view name) const {
  const Json* value = literal(*node_, *spec_, name);
  if (value == nullptr || !value->is_boolean()) wrong_input(name);
  return value->get<bool>();
}

std::string NodeContext::text(std::string_view name) const {
  if (const auto* string = optional_input<StringValue>(name)) return string->value;
  const Json* value = literal(*node_, *spec_, name);
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  // A combo without a default starts at its first choice, as in ComfyUI's interface.
  const InputSpec* input = find_input(*spec_, name);
  if (value == nullptr && input != nullptr && !input->choices.empty()) return input->choices.front();
  wrong_input(name);
}

graph::Builder& NodeContext::builder() const { return state_->builder; }

graph::Value NodeContext::live(std::string_view name, Tensor value) const {
  graph::SymShape shape(value.shape());
  return builder().parameter(node_->id + "." + std::string(name), std::move(shape), std::move(value));
}

graph::Value NodeContext::live_rows(std::string_view name, Tensor value) const {
  graph::SymShape shape(value.shape());
  if (shape.rank() == 0 || shape[0] != graph::Dim(state_->batch_size)) {
    throw Error(ErrorCode::kInternal, "'" + std::string(name) + "' of " + value.shape().to_string() +
                                          " has not one row for each of " + std::to_string(state_->batch_size) +
                                          " slots");
  }
  shape.dims()[0] = state_->frames;
  return builder().parameter(node_->id + "." + std::string(name), std::move(shape), std::move(value));
}

graph::Value NodeContext::running_range(std::string_view name, graph::Value own, float rate) const {
  graph::Builder& build = builder();
  const graph::Value range = live(name, Tensor::from<float>({1, 2}, std::vector<float>{0.0F, -1.0F}));
  const std::string parameter = node_->id + "." + std::string(name);
  state_->running_ranges.emplace_back(RunningRange{parameter, "running:" + parameter, rate}, own);
  const graph::Value known =
      build.compare(graph::CompareKind::kGreater, build.slice(range, 1, 1, 2), build.slice(range, 1, 0, 1));
  return build.select(known, range, own);
}

std::string NodeContext::scope_name() const { return node_->class_type + "#" + node_->id; }

graph::Dim NodeContext::frames() const { return state_->frames; }

std::int64_t NodeContext::max_batch() const { return state_->batch_size; }

ImageValue NodeContext::live_frames() const {
  if (!state_->live_frames) {
    const graph::Value raw = raw_live_frames(*state_);
    const bool bytes = builder().type(raw).dtype == DType::kU8;
    state_->live_frames = bytes ? builder().div(builder().cast(raw, DType::kF32), 255.0F) : raw;
  }
  return {*state_->live_frames};
}

graph::Value NodeContext::with_frames(graph::Value value) const {
  graph::SymShape shape = builder().shape(value);
  if (shape.rank() == 0 || shape[0] != graph::Dim(1)) return value;
  shape.dims()[0] = state_->frames;
  return builder().expand(value, std::move(shape));
}

std::pair<std::int64_t, std::int64_t> NodeContext::size_or(std::int64_t width, std::int64_t height) const {
  const auto& size = state_->options.size;
  return size ? std::pair<std::int64_t, std::int64_t>(size->width, size->height) : std::pair(width, height);
}

ModelStore& NodeContext::models() const { return state_->models; }

void NodeContext::limit_batch(const std::string& what, std::int64_t min_batch, std::int64_t max_batch) const {
  state_->limits.push_back({what, min_batch, max_batch});
}

void NodeContext::note(std::string text) const {
  state_->result.notes.push_back(node_->label() + ": " + std::move(text));
}

void NodeContext::timed_operation(std::string operation) const {
  auto& operations = state_->result.timed_operations;
  if (std::ranges::find(operations, operation) == operations.end()) operations.push_back(std::move(operation));
}

void NodeContext::action(std::function<std::string()> run) const { state_->actions.push_back(std::move(run)); }

void NodeContext::live_output(const ImageValue& image) const {
  if (state_->output) {
    throw Error(ErrorCode::kValidation,
                "the workflow has two live outputs, nodes #" + state_->output->node_id + " and #" + node_->id,
                "keep one of them; a PreviewImage shows other pictures");
  }
  state_->output = TraceState::Picture{node_->id, scope_name(), {}, image.value};
}

void NodeContext::tap(const ImageValue& image, std::string name_prefix) const {
  if (!state_->options.keep_taps)
    note("a debug tap beside the live output: its pictures are not made (`run --taps FOLDER` writes them)");
  state_->taps.push_back({node_->id, scope_name(), std::move(name_prefix), image.value});
}

void NodeContext::set_output(std::size_t index, NodeValue value) const {
  auto& outputs = state_->values[node_->id];
  if (outputs.size() <= index) outputs.resize(index + 1);
  outputs[index] = std::move(value);
}

}  // namespace comfystream::workflow
