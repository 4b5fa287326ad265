// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/executable.hpp"

#include "comfystream/backend/openvino/errors.hpp"
#include "comfystream/backend/openvino/slot.hpp"
#include "comfystream/error.hpp"

namespace comfystream::backend::openvino {
namespace {

/// `Own` is OpenVinoSlot or its const form.
template <typename Own, typename Any>
Own& own_slot(const Program& program, Any& slot) {
  auto* own = dynamic_cast<Own*>(&slot);
  if (own == nullptr || own->program() != &program) {
    throw Error(ErrorCode::kInvalidArgument, "openvino: the slot belongs to another executable");
  }
  return *own;
}

}  // namespace

std::unique_ptr<Slot> OpenVinoExecutable::make_slot() {
  try {
    return std::make_unique<OpenVinoSlot>(program_);
  } catch (const ov::Exception& exception) {
    throw backend_error("cannot make a request", exception);
  }
}

void OpenVinoExecutable::set_parameter(std::size_t index, const Tensor& value) {
  program_->set_parameter(index, value);
}

void OpenVinoExecutable::enqueue(Slot& slot, std::int64_t batch_size) {
  own_slot<OpenVinoSlot>(*program_, slot).enqueue(batch_size);
}

void OpenVinoExecutable::wait(Slot& slot) { own_slot<OpenVinoSlot>(*program_, slot).wait(); }

std::chrono::nanoseconds OpenVinoExecutable::device_time(const Slot& slot) const {
  return own_slot<const OpenVinoSlot>(*program_, slot).device_time();
}

void OpenVinoExecutable::warm(std::int64_t batch_size) {
  OpenVinoSlot slot(program_);
  slot.enqueue(batch_size);
  slot.wait();
}

std::map<std::string, std::chrono::nanoseconds> OpenVinoExecutable::time_by_scope() const { return program_->times(); }

}  // namespace comfystream::backend::openvino
