// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/slot.hpp"

#include "comfystream/backend/openvino/errors.hpp"
#include "comfystream/backend/openvino/lowering.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <cstring>
#include <exception>

#include <openvino/core/except.hpp>

namespace comfystream::backend::openvino {
namespace {

/// The one of `scopes` that a plugin's node belongs to. The plugin keeps the name we gave inside names of its own
/// making
/// ("Multiply_3977_abcd_acdb_KSampler#7/unet|linear.12").
std::string scope_of(const std::vector<std::string>& scopes, const std::string& name) {
  const auto owns = [&](const std::string& scope) {
    const std::size_t at = name.rfind(scope);
    const std::size_t end = at + scope.size();
    return at != std::string::npos && end < name.size() && (name[end] == '/' || name[end] == kScopeEnd);
  };
  const auto found = std::ranges::find_if(scopes, owns);
  return found == scopes.end() ? "other" : *found;
}

}  // namespace

OpenVinoSlot::OpenVinoSlot(std::shared_ptr<Program> program)
    : program_(std::move(program)),
      inputs_(make_buffers(program_->inputs())),
      outputs_(make_buffers(program_->outputs())),
      bound_parameters_(program_->parameter_count()),
      next_parameters_(program_->parameter_count()),
      request_(program_->new_request()) {
  if (request_) {
    request_.set_callback([this](const std::exception_ptr&) { finished(); });
  }
}

OpenVinoSlot::~OpenVinoSlot() {
  try {
    if (request_) {
      request_.wait();
    }
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): nobody is left to tell that the batch failed
  }
}

std::vector<OpenVinoSlot::Buffer> OpenVinoSlot::make_buffers(const std::vector<graph::ValueType>& types) const {
  std::vector<Buffer> buffers;
  for (const graph::ValueType& type : types) {
    Tensor memory(type.dtype, type.shape.at(program_->max_batch()));
    std::byte* data = memory.mutable_bytes().data();
    buffers.push_back({std::move(memory), BatchViews(data, type, program_->max_batch())});
  }
  return buffers;
}

std::span<std::byte> OpenVinoSlot::input(std::size_t index) { return inputs_.at(index).memory.mutable_bytes(); }

std::span<const std::byte> OpenVinoSlot::output(std::size_t index) { return outputs_.at(index).memory.bytes(); }

void OpenVinoSlot::bind(std::int64_t batch) {
  const bool resized = batch != bound_batch_;
  // Until all is bound no batch size is: a failure half-way must not leave old and new tensors mixed.
  bound_batch_ = 0;
  for (std::size_t index = 0; resized && index < inputs_.size(); ++index) {
    request_.set_input_tensor(index, inputs_[index].views.at(batch));
  }
  for (std::size_t index = 0; index < next_parameters_.size(); ++index) {
    if (resized || next_parameters_[index] != bound_parameters_[index]) {
      request_.set_input_tensor(inputs_.size() + index, next_parameters_[index]->views.at(batch));
      bound_parameters_[index] = next_parameters_[index];
    }
  }
  if (resized && program_->batch_probe()) {
    request_.set_input_tensor(inputs_.size() + bound_parameters_.size(), program_->batch_probe()->views.at(batch));
  }
  for (std::size_t index = 0; resized && index < outputs_.size(); ++index) {
    const OutputRoute& route = program_->routes()[index];
    if (route.from == OutputRoute::From::kModel) {
      request_.set_output_tensor(route.index, outputs_[index].views.at(batch));
    }
  }
  bound_batch_ = batch;
}

void OpenVinoSlot::enqueue(std::int64_t batch) {
  if (batch < 1 || batch > program_->max_batch()) {
    throw Error(ErrorCode::kInvalidArgument, "openvino: a batch of " + std::to_string(batch) +
                                                 " frames on a network compiled for 1.." +
                                                 std::to_string(program_->max_batch()));
  }
  try {
    program_->snapshot(next_parameters_);
    if (!request_) {
      bound_parameters_.swap(next_parameters_);
      bound_batch_ = batch;
      return;
    }
    bind(batch);
    started_ = std::chrono::steady_clock::now();
    request_.start_async();
  } catch (const std::exception& exception) {
    throw backend_error("cannot start a batch of " + std::to_string(batch), exception);
  }
}

void OpenVinoSlot::wait() {
  try {
    if (request_) {
      request_.wait();
    }
    if (request_ && program_->profiled()) {
      collect_times();
    }
    copy_through();
  } catch (const std::exception& exception) {
    throw backend_error("a batch of " + std::to_string(bound_batch_) + " failed", exception);
  }
}

const Tensor& OpenVinoSlot::source_of(const OutputRoute& route) const {
  switch (route.from) {
    case OutputRoute::From::kInput:
      return inputs_[route.index].memory;
    case OutputRoute::From::kParameter:
      return bound_parameters_[route.index]->value;
    default:
      return outputs_[route.index].memory;
  }
}

void OpenVinoSlot::copy_through() {
  for (std::size_t index = 0; index < outputs_.size() && bound_batch_ > 0; ++index) {
    const OutputRoute& route = program_->routes()[index];
    if (route.from == OutputRoute::From::kModel) {
      continue;
    }
    const std::size_t bytes = outputs_[index].views.at(bound_batch_).get_byte_size();
    std::memcpy(outputs_[index].memory.mutable_bytes().data(), source_of(route).bytes().data(), bytes);
  }
}

void OpenVinoSlot::finished() {
  const auto now = std::chrono::steady_clock::now();
  // Requests of one program run one after the other, so the device took this one up when the one before it had ended.
  device_time_ = now - std::max(started_, program_->exchange_last_end(now));
}

void OpenVinoSlot::collect_times() {
  std::map<std::string, std::chrono::nanoseconds> times;
  for (const ov::ProfilingInfo& info : request_.get_profiling_info()) {
    if (info.status == ov::ProfilingInfo::Status::EXECUTED) {
      times[scope_of(program_->scopes(), info.node_name)] += info.real_time;
    }
  }
  program_->note_times(std::move(times));
}

}  // namespace comfystream::backend::openvino
