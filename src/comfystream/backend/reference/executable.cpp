// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/executable.hpp"

#include "comfystream/backend/reference/fold_constants.hpp"
#include "comfystream/error.hpp"

#include <string>
#include <utility>

namespace comfystream::backend::reference {

ReferenceSlot::ReferenceSlot(const graph::Graph& graph, std::int64_t max_batch, std::size_t workspace_bytes)
    : workspace_(DType::kU8, {static_cast<std::int64_t>(workspace_bytes)}),
      parameter_pointers_(graph.parameters().size()) {
  for (const auto value : graph.inputs()) {
    inputs_.emplace_back(graph.type(value).dtype, graph.type(value).shape.at(max_batch));
    input_pointers_.push_back(inputs_.back().bytes().data());
  }
  for (const auto& output : graph.outputs()) {
    const auto& type = graph.type(output.value);
    outputs_.emplace_back(type.dtype, type.shape.at(max_batch));
    output_pointers_.push_back(outputs_.back().mutable_bytes().data());
  }
}

std::span<std::byte> ReferenceSlot::input(std::size_t index) { return inputs_.at(index).mutable_bytes(); }
std::span<const std::byte> ReferenceSlot::output(std::size_t index) { return outputs_.at(index).bytes(); }

void ReferenceSlot::run(const Program& program, std::span<const Tensor> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) parameter_pointers_[i] = parameters[i].bytes().data();
  failure_ = nullptr;
  const auto start = std::chrono::steady_clock::now();
  try {
    program.run({input_pointers_, parameter_pointers_, output_pointers_}, workspace_.mutable_bytes().data());
  } catch (...) {
    failure_ = std::current_exception();
  }
  device_time_ = std::chrono::steady_clock::now() - start;
}

void ReferenceSlot::rethrow_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

ReferenceExecutable::ReferenceExecutable(const graph::Graph& graph, std::int64_t max_batch)
    : graph_(fold_constants(graph)), max_batch_(max_batch) {
  if (max_batch < 1) throw Error(ErrorCode::kInvalidArgument, "the largest batch must be 1 or more");
  const auto plan = graph::plan_memory(graph_, max_batch);
  for (std::int64_t batch = 1; batch <= max_batch; ++batch) programs_.emplace_back(graph_, plan, batch, max_batch);
  auto parameters = std::make_shared<Parameters>();
  for (std::size_t i = 0; i < graph_.parameters().size(); ++i) {
    parameters->push_back(initial_parameter(graph_, i, max_batch).clone());
  }
  parameters_ = std::move(parameters);
}

std::unique_ptr<Slot> ReferenceExecutable::make_slot() {
  return std::make_unique<ReferenceSlot>(graph_, max_batch_, programs_.back().workspace_bytes());
}

void ReferenceExecutable::set_parameter(std::size_t index, const Tensor& value) {
  check_parameter(graph_, index, value, max_batch_);
  Tensor own = value.clone();
  const std::lock_guard lock(mutex_);
  auto changed = std::make_shared<Parameters>(*parameters_);
  (*changed)[index] = std::move(own);
  parameters_ = std::move(changed);
}

const Program& ReferenceExecutable::program_for(std::int64_t batch_size) const {
  if (batch_size < 1 || batch_size > max_batch_) {
    throw Error(ErrorCode::kInvalidArgument, "a batch of " + std::to_string(batch_size) + " frames; this graph is " +
                                                 "compiled for 1 to " + std::to_string(max_batch_));
  }
  return programs_[static_cast<std::size_t>(batch_size - 1)];
}

void ReferenceExecutable::enqueue(Slot& slot, std::int64_t batch_size) {
  const Program& program = program_for(batch_size);
  std::shared_ptr<const Parameters> seen;
  {
    const std::lock_guard lock(mutex_);
    seen = parameters_;
  }
  dynamic_cast<ReferenceSlot&>(slot).run(program, *seen);
}

void ReferenceExecutable::wait(Slot& slot) { dynamic_cast<ReferenceSlot&>(slot).rethrow_failure(); }

std::chrono::nanoseconds ReferenceExecutable::device_time(const Slot& slot) const {
  return dynamic_cast<const ReferenceSlot&>(slot).device_time();
}

void ReferenceExecutable::warm(std::int64_t batch_size) {
  // Every batch size is ready from compile on; the check alone is what a caller may rely on.
  (void)program_for(batch_size);
}

}  // namespace comfystream::backend::reference
